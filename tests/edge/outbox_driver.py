"""Kills a process at every statement of the queue, each time in a new folder.

`python -m tests.edge.outbox_driver FOLDER` leaves FOLDER/1, FOLDER/2, … as the kills left them,
each with a file `acknowledged` of what had returned before, and prints how many there are.
"""

import sys
from pathlib import Path

from edge.outbox import Bounds, Event, Outbox
from tests.edge.killing import arm, run

MOST_STATEMENTS = 500
BOUNDS = Bounds(4, 10**6, 1e9)


def event(number: int) -> Event:
    """The event of this number, the same in every process."""
    return Event(f"event-{number}", 1000.0 + number, "", bytes([number + 1]) * 9000)


def work(folder: Path, kill_at: int) -> None:
    """Some of everything; each thing that returned is acknowledged on the disk."""
    box = Outbox(folder, BOUNDS)
    arm(box._database, kill_at)
    with (folder / "acknowledged").open("a") as acknowledged:

        def done(word: str, number: int) -> None:
            acknowledged.write(f"{word} {number}\n")
            acknowledged.flush()

        for number in range(6):  # the first two have to go
            box.add(event(number))
            done("add", number)
        box.failed("event-2", 5.0, is_blamed=True)
        box.done("event-2")
        done("done", 2)
        box.refuse("event-3", "no_face")
        done("refuse", 3)
        box.retry_now()
        box.expire(2005.0 - 1000.0 - 1e9)


if __name__ == "__main__":
    kills = 1
    while run(work, Path(sys.argv[1]) / str(kills), kills):
        kills += 1
        assert kills < MOST_STATEMENTS
    sys.stdout.write(str(kills))
