"""`kill -9` at every statement: what was acknowledged is there, and nothing is half there."""

import subprocess
import sys
from pathlib import Path

from edge.outbox import Event, Outbox
from tests.edge.outbox_driver import BOUNDS, event

PROBE = Event("probe", 9000.0, "", b"after the power cut")


def waiting(box: Outbox) -> list[Event]:
    found: list[Event] = []
    while (one := box.next(10.0, [e.event_id for e in found])[0]) is not None:
        found.append(one)
    return found


def check(folder: Path, is_last: bool) -> None:
    said = (folder / "acknowledged").read_text().split("\n")[:-1]
    added = [int(line.split()[1]) for line in said if line.startswith("add")]
    box = Outbox(folder, BOUNDS)
    found = waiting(box)
    numbers = [int(one.event_id.removeprefix("event-")) for one in found]
    assert numbers == sorted(numbers)
    assert [event(number) for number in numbers] == found, "whole, and as they were"
    assert len(found) <= BOUNDS.events
    gone = {2} if "done 2" in said else set[int]()
    gone |= {3} if "refuse 3" in said else set[int]()
    kept = set(added[-BOUNDS.events :]) - gone
    # At most one more thing was done than was acknowledged: an addition, which may have pushed
    # out the oldest, or an end.
    assert len(kept - set(numbers)) <= 1
    assert len(set(numbers) - kept) <= 1
    if is_last:
        assert numbers == [4, 5]
        assert box.refused() == [("event-3", "no_face")]
        assert box.counts() == {"sent": 1, "refused": 1, "dropped": 2}
    assert set(numbers) <= {max(added, default=-1) + 1, *added}
    assert not set(numbers) & gone, "what ended does not come back"
    box.add(PROBE)
    assert PROBE in waiting(box)
    assert box._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    box.close()


def test_kill_at_every_statement(tmp_path: Path) -> None:
    driver = [sys.executable, "-m", "tests.edge.outbox_driver", str(tmp_path)]
    done = subprocess.run(driver, check=True, capture_output=True, timeout=240)
    count = int(done.stdout)
    assert count > 40
    for number in range(1, count + 1):
        check(tmp_path / str(number), number == count)
