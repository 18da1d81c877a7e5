"""An agent without a camera, for tests that kill it: visits come by stdin, openings go to a file.

Each line is the age of a frame in seconds and a person of `tests.fakes`; when the visit is kept its
event_id is printed.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from edge.config import load_config
from edge.relay import Relay
from edge.sending import sending
from edge.types import Visit
from tests.edge.agent_kit import visit
from tests.fakes import portrait


class FilePin:
    """Writes a line for every opening."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def on(self) -> None:
        with self._place.open("a") as opened:
            opened.write("opened\n")

    def off(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def seen(age_seconds: float, person: int) -> Visit:
    """A visit so long ago."""
    past = visit(time.monotonic() - age_seconds, time.time() - age_seconds)
    return replace(past, crop_jpeg=portrait(person))


def main() -> None:
    config = load_config()
    relay = Relay(FilePin(config.outbox.folder.parent / "opened"), 0.05, 0.1)
    with sending(config, relay.pulse, lambda *_: None) as connection:
        for line in sys.stdin:
            age, person = line.split()
            sys.stdout.write(connection.sender.offer(seen(float(age), int(person))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
