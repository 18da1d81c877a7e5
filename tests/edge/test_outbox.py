"""The queue: in order, bounded, and there after a restart."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.outbox import BLAMED, MAX_REFUSED, Bounds
from tests.edge.agent_kit import event, outbox_in

NOW = 1_700_000_000.0


def order(box_folder: Path) -> list[str]:
    """Who is sent, one after another, by a process that has just started."""
    box, found = outbox_in(box_folder), []
    while (one := box.next(NOW)[0]) is not None:
        found.append(one.event_id)
        box.done(one.event_id)
    box.close()
    return found


def test_it_keeps_events_whole_and_in_order_over_a_restart(tmp_path: Path) -> None:
    events, box = [event(number) for number in range(5)], outbox_in(tmp_path)
    assert [box.add(one) for one in events] == [0] * 5
    box.close()
    again = outbox_in(tmp_path)
    assert again.next(NOW) == (events[0], 0.0)
    assert again.next(NOW, [events[0].event_id]) == (events[1], 0.0)
    again.close()
    assert order(tmp_path) == [one.event_id for one in events]


def test_the_head_of_the_line_is_waited_for(tmp_path: Path) -> None:
    first, second, box = event(1), event(2), outbox_in(tmp_path)
    box.add(first)
    box.add(second)
    box.failed(first.event_id, NOW + 8, is_blamed=False)
    assert box.next(NOW) == (None, 8.0)
    assert box.next(NOW + 8) == (first, 0.0)
    box.failed(first.event_id, NOW + 30, is_blamed=False)
    box.retry_now()
    assert box.next(NOW) == (first, 0.0)
    assert box.attempts(first.event_id) == 2


def test_a_plan_of_a_clock_that_was_wrong_holds_nobody_up(tmp_path: Path) -> None:
    box, one = outbox_in(tmp_path), event()
    box.add(one)
    box.failed(one.event_id, NOW + 365 * 86400, is_blamed=False)
    assert box.next(NOW) == (one, 0.0)


def test_an_event_at_which_the_server_fails_lets_the_others_pass(tmp_path: Path) -> None:
    poison, others, box = event(1), [event(2), event(3)], outbox_in(tmp_path)
    for one in (poison, *others):
        box.add(one)
    for _ in range(BLAMED - 1):
        box.failed(poison.event_id, 0, is_blamed=True)
    assert box.next(NOW)[0] == poison
    box.failed(poison.event_id, 0, is_blamed=True)
    assert box.next(NOW)[0] == others[0]
    box.close()
    assert order(tmp_path) == [one.event_id for one in (*others, poison)]


@pytest.mark.parametrize("bounds", [Bounds(3, 10**9, 1e9), Bounds(100, 350, 1e9)])
def test_the_oldest_go_when_it_is_full_and_are_counted(tmp_path: Path, bounds: Bounds) -> None:
    events, box = [event(number) for number in range(8)], outbox_in(tmp_path, bounds)
    assert [box.add(one) for one in events] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert box.waiting() == (3, 300)
    assert box.counts() == {"sent": 0, "refused": 0, "dropped": 5}
    box.close()
    assert order(tmp_path) == [one.event_id for one in events[5:]]


def test_the_newest_is_kept_even_if_it_is_too_large(tmp_path: Path) -> None:
    box, large = outbox_in(tmp_path, Bounds(10, 50, 1e9)), event(size=500)
    box.add(event(size=40))
    assert box.add(large) == 1
    assert box.next(NOW)[0] == large


def test_what_is_too_old_goes_and_is_counted(tmp_path: Path) -> None:
    box = outbox_in(tmp_path, Bounds(10, 10**9, 60))
    old, young = event(0), event(50)
    box.add(old)
    box.add(young)
    assert box.expire(old.captured_at + 60) == 0
    assert box.expire(old.captured_at + 61) == 1
    assert box.next(NOW)[0] == young
    assert box.counts()["dropped"] == 1


def test_what_is_refused_is_put_aside_with_its_code_and_no_picture(tmp_path: Path) -> None:
    box, one = outbox_in(tmp_path), event(size=9000)
    box.add(one)
    box.refuse(one.event_id, "no_face")
    assert box.next(NOW) == (None, float("inf"))
    assert box.waiting() == (0, 0)
    assert box.refused() == [(one.event_id, "no_face")]
    assert box.counts()["refused"] == 1
    box.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert one.event_id.encode() in kept
    assert one.jpeg[:500] not in kept


def test_of_the_refused_only_the_newest_are_remembered(tmp_path: Path) -> None:
    box = outbox_in(tmp_path)
    box._database.execute("PRAGMA synchronous=OFF")
    ids = []
    for number in range(MAX_REFUSED + 3):
        one = event(number, size=1)
        box.add(one)
        box.refuse(one.event_id, "no_face")
        ids.append(one.event_id)
    assert [found for found, _ in box.refused()] == ids[3:]


def test_a_queue_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite3").write_bytes(b"this is no database" * 100)
    box, one = outbox_in(tmp_path), event()
    box.add(one)
    assert box.next(NOW)[0] == one
    assert (tmp_path / "outbox.sqlite3.broken").read_bytes().startswith(b"this is no database")


def test_it_writes_through_to_the_disk(tmp_path: Path) -> None:
    box = outbox_in(tmp_path)
    asked = [box._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous",)]
    assert asked == [2], "FULL"
    assert box._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_the_device_decided_is_kept_with_the_event(tmp_path: Path) -> None:
    claimed = replace(event(), claim=(("device_decision", "match"), ("device_user_id", "Zoë")))
    outbox_in(tmp_path).add(claimed)
    assert outbox_in(tmp_path).next(NOW)[0] == claimed


def test_a_queue_of_before_there_were_claims_is_sent(tmp_path: Path) -> None:
    box, one = outbox_in(tmp_path), event()
    box.add(one)
    box.close()
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite3")) as old:
        old.execute("ALTER TABLE events DROP COLUMN claim")
    assert outbox_in(tmp_path).next(NOW)[0] == one


def test_nobody_else_on_the_device_reads_the_faces(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    outbox_in(tmp_path).add(event())
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_what_is_no_queue_is_put_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outbox.sqlite3").write_bytes(b"no database" * 500)
    outbox_in(tmp_path).add(event())
    assert "put aside as outbox.sqlite3.broken" in caplog.text
    assert (tmp_path / "outbox.sqlite3.broken").exists()
