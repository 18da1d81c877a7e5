"""A door that decides by itself, without a camera: visits as for `agent_driver`.

Everybody is taken for the one person who was registered. What the door says of each visit is
printed; the rest of the log goes to `log`.
"""

import logging
import sys
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np

from edge.config import load_config
from edge.program import Door
from edge.recognition.network import Network, Vector
from edge.relay import Relay
from edge.types import Face, Pixels
from tests.edge.agent_driver import FilePin, seen

ADA = np.array([1, 0, 0, 0], np.float32)


class Everybody:
    """Embeds whatever it is given as Ada."""

    network = Network("tiny", "a" * 64, "1", 4, 0.5)

    def embed(self, _image: Pixels, _face: Face) -> Vector:
        return ADA


def main() -> None:
    config = load_config()
    folder = config.outbox.folder.parent
    logging.basicConfig(filename=folder / "log", level=logging.INFO)
    logging.getLogger("edge.door").addHandler(logging.StreamHandler(sys.stdout))
    relay = Relay(FilePin(folder / "opened"), 0.05, 0.1)
    with patch("edge.local_parts.network_of", lambda _: Everybody()), ExitStack() as stack:
        door = Door(config, relay, stack)
        assert door.local is not None
        if door.local.recognizer.people == 0:
            door.local.store.add("ada", "Ada Lovelace", [ADA])
            door.local.recognizer.refresh()
        for line in sys.stdin:
            age, person = line.split()
            door.offer(seen(float(age), int(person)))


if __name__ == "__main__":
    main()
