"""The agent's program with pins that outlive it, for tests that kill it.

`relay_driver FILE open` opens the door and waits to be killed; any other word is the command of
`python -m edge`. FILE is the wire: it keeps the level that a pin was last set to.
"""

import sys
import time
from pathlib import Path
from typing import Any

from gpiozero import Device  # type: ignore[import-not-found,unused-ignore]
from gpiozero.pins.mock import (  # type: ignore[import-not-found,unused-ignore]
    MockFactory,
    MockPin,
)

from edge.__main__ import main as edge_main
from edge.config import load_config
from edge.relay import relay_of


def factory(wire: Path) -> Any:
    """gpiozero's mock, whose pin finds the level that it had and leaves the one that it gets."""

    class WiredPin(MockPin):  # type: ignore[misc,unused-ignore]
        def __init__(self, made_by: Any, info: Any) -> None:
            super().__init__(made_by, info)
            self._state = wire.read_text() == "high"

        def _change_state(self, value: bool) -> bool:
            wire.write_text("high" if value else "low")
            return bool(super()._change_state(value))

    return MockFactory(pin_class=WiredPin)


def main(wire: str, command: str) -> int:
    """The exit status of the command."""
    Device.pin_factory = factory(Path(wire))
    if command != "open":
        return edge_main([command])
    relay = relay_of(load_config().relay)
    if relay is None:
        return 1
    relay.pulse()
    sys.stdout.write("open\n")
    sys.stdout.flush()
    time.sleep(3600)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
