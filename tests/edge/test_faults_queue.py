"""The queue through a day without a server, and through a power cut that tore its files.

Cases 79 and 81; the kills are in test_outbox_kills.py, the real processes in test_outage.py.
"""

import random
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from edge.outbox import Bounds, Event
from tests.edge.agent_kit import AWAY, MATCH, Door, door, event, outbox_in, visit
from tests.edge.drill_kit import folder_bytes

DAY_S, EVENTS = 86400, 6000
PICTURE = random.Random(1).randbytes(6000)
LOG_BYTES = 5_000_000  # SQLite's log is folded back after 4 MB


def bounded(folder: Path, bounds: Bounds) -> Door:
    """A door whose queue does not wait for the disk: this is not about power cuts."""
    own = door(folder, lambda _: AWAY)
    own.outbox.close()
    own.outbox = own.sender._outbox = outbox_in(folder, bounds)
    own.outbox._database.execute("PRAGMA synchronous=OFF")
    return own


def come(own: Door, seconds: float = 0.0) -> str:
    """Time passes, and somebody comes."""
    own.clock.now += seconds
    own.wall.now += seconds
    return own.sender.offer(replace(visit(own.clock.now, own.wall.now), crop_jpeg=PICTURE))


@pytest.mark.slow
@pytest.mark.parametrize("bounds", [Bounds(4500, 10**9, 30 * 86400.0),
                                    Bounds(10_000, 4500 * 6000, 30 * 86400.0)])  # fmt: skip
def test_a_day_without_a_server(tmp_path: Path, bounds: Bounds) -> None:
    own = bounded(tmp_path, bounds)
    old = []
    for number in range(EVENTS):
        old.append(come(own, DAY_S / EVENTS))
        own.sender.step_live()
        own.sender.step_old()
        if number % 500 == 0:
            assert folder_bytes(tmp_path) < 4500 * 6000 * 1.5 + LOG_BYTES
    assert own.outbox.waiting() == (4500, 4500 * 6000)
    assert own.outbox.counts() == {"sent": 0, "refused": 0, "dropped": EVENTS - 4500}
    assert len(own.server.sent) < EVENTS * 3, "who is away is not asked without end"
    assert folder_bytes(tmp_path) < 4500 * 6000 * 1.5 + LOG_BYTES

    own.clock.now, own.wall.now = own.clock.now + 61, own.wall.now + 61
    own.server.sent.clear()
    own.server.answer = lambda _: MATCH  # the server would open for each of them
    live = []
    while own.outbox.waiting()[0]:
        if own.outbox.waiting()[0] % 500 == 250:
            live.append((come(own), len(own.server.sent)))
            own.sender.step_old()
            own.sender.step_live()
        own.sender.step_old()
    assert [one for one in own.server.sent if one not in dict(live)] == old[-4500:]
    assert all(own.server.sent[before] == event_id for event_id, before in live), "at once"
    assert len(live) == 9
    assert len(own.opened) == len(live), "nothing that was late opened"


def test_what_is_too_old_is_found_without_reading_every_picture(tmp_path: Path) -> None:
    own = outbox_in(tmp_path)
    plan = own._database.execute(
        "EXPLAIN QUERY PLAN DELETE FROM events WHERE captured_at < ?", (1,)
    )
    assert "USING" in str(plan.fetchall())


def filled(folder: Path, number: int) -> list[Event]:
    """A queue of so many events as a kill left it: with its log."""
    events, box = [event(count, size=3000) for count in range(number)], outbox_in(folder / "live")
    for one in events:
        box.add(one)
    shutil.copytree(folder / "live", folder / "cut")
    box.close()
    return events


def kept(folder: Path) -> list[Event]:
    """What is there after a start, which must be sound and take more."""
    box, found = outbox_in(folder), list[Event]()
    while (one := box.next(2e9, [e.event_id for e in found])[0]) is not None:
        found.append(one)
    probe = Event(str(uuid.uuid4()), 1.0, "", b"after the power cut")
    box.add(probe)
    assert box.next(2e9, [e.event_id for e in found])[0] == probe
    assert box._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    box.close()
    return found


def test_a_log_that_is_torn_loses_its_end_only(tmp_path: Path) -> None:
    events = filled(tmp_path, 12)
    log = (tmp_path / "cut" / "outbox.sqlite3-wal").read_bytes()
    frame = 4096 + 24
    before = -1
    for cut in range(32, len(log) + 1, frame // 2):
        folder = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "cut", folder)
        (folder / "outbox.sqlite3-wal").write_bytes(log[:cut])
        found = kept(folder)
        assert found == events[: len(found)], "whole, in order, from the first on"
        assert before <= len(found) <= before + 1 or before == -1
        before = len(found)
    assert kept(tmp_path / "cut") == events


def test_the_last_write_torn_anywhere_loses_the_last_event_only(tmp_path: Path) -> None:
    events = filled(tmp_path, 5)
    log = (tmp_path / "cut" / "outbox.sqlite3-wal").read_bytes()
    box = outbox_in(tmp_path / "live")
    last = event(5, size=3000)
    box.close()
    shutil.copytree(tmp_path / "cut", tmp_path / "more")
    box = outbox_in(tmp_path / "more")
    box.add(last)
    shutil.copytree(tmp_path / "more", tmp_path / "torn")
    box.close()
    longer = (tmp_path / "torn" / "outbox.sqlite3-wal").read_bytes()
    assert len(longer) >= len(log)
    for seed in range(40):
        folder, chance = tmp_path / f"torn-{seed}", random.Random(seed)
        shutil.copytree(tmp_path / "torn", folder)
        first = next((n for n, (a, b) in enumerate(zip(log, longer, strict=False)) if a != b),
                     len(log))  # fmt: skip
        torn = bytearray(longer)
        start = chance.randrange(first, len(torn))
        torn[start : start + chance.randrange(1, 5000)] = b""
        (folder / "outbox.sqlite3-wal").write_bytes(torn)
        assert kept(folder) in (events, [*events, last])


@pytest.mark.parametrize("seed", range(12))
def test_a_database_with_a_broken_page_goes_on_with_what_can_be_read(
    tmp_path: Path, seed: int
) -> None:
    events, box = [event(count, size=9000) for count in range(30)], outbox_in(tmp_path)
    for one in events:
        box.add(one)
    box.close()
    place = tmp_path / "outbox.sqlite3"
    content, chance = bytearray(place.read_bytes()), random.Random(seed)
    page = chance.randrange(1, len(content) // 4096)
    content[page * 4096 : (page + 1) * 4096] = chance.randbytes(4096)
    place.write_bytes(content)

    own = door(tmp_path)
    mine = own.sender.offer(visit())
    for _ in range(200):
        try:
            own.sender.step_live()
            own.sender.step_old()
        except Exception:  # noqa: BLE001 - its thread says so and goes on
            continue
    sent = set(own.server.sent)
    assert mine in sent
    saved = [one.event_id for one in events if one.event_id in sent]
    assert len(saved) >= 15, "one page is not the whole queue"
    assert own.outbox._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(own.opened) == 1


@pytest.mark.parametrize("damage", ["truncated", "zeroed head", "empty", "text"])
def test_a_database_that_is_none_is_put_aside(tmp_path: Path, damage: str) -> None:
    box = outbox_in(tmp_path)
    for number in range(20):
        box.add(event(number, size=9000))
    box.close()
    place = tmp_path / "outbox.sqlite3"
    content = place.read_bytes()
    place.write_bytes({"truncated": content[:5000], "zeroed head": bytes(4096) + content[4096:],
                       "empty": b"", "text": b"x" * 9000}[damage])  # fmt: skip
    own = door(tmp_path)
    mine = own.sender.offer(visit())
    own.sender.step_live()
    assert own.server.sent == [mine]
    for _ in range(3):
        own.outbox.add(event(100))
    assert own.outbox.waiting()[0] >= 1
