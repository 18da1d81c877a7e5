"""Whether the door was opened for somebody: by what the relay did, not by what it was told."""

import logging
from collections.abc import Callable
from enum import StrEnum

log = logging.getLogger("edge.entry")
OpenDoor = Callable[[], None]
"""Opens the door, or raises."""


class Entry(StrEnum):
    """What became of somebody, as the log says it."""

    OPENED = "yes"
    NO_RELAY = "no, there is no relay"  # let in, where nothing can be opened
    FAILED = "no, the relay failed"
    SHUT = "no"

    @property
    def is_granted(self) -> bool:
        """Whether this device let them in, whatever the relay did."""
        return self is not Entry.SHUT

    @property
    def is_in(self) -> bool:
        """Whether they came in, as far as it is up to this device: where there is nothing to be
        opened, nothing has held them up."""
        return self in (Entry.OPENED, Entry.NO_RELAY)


def enter(open_door: OpenDoor | None) -> Entry:
    """Opens the door for whoever was let in; raises nothing. None: there is no relay."""
    if open_door is None:
        return Entry.NO_RELAY
    try:
        open_door()
    except Exception as error:  # noqa: BLE001 - whatever the relay does, the event is recorded
        log.critical("the door could not be opened: %s", type(error).__name__)
        return Entry.FAILED
    return Entry.OPENED
