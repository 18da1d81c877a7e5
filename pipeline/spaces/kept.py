"""When to look at a further space again, and what is said of it."""

import logging
import time
from collections.abc import Callable

from core.errors import KenalError
from core.logs import describe
from pipeline.spaces.fill import Filled, Filler, GoesOn

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 60.0
_SAID_SECONDS = 60.0
_NONE = -1


class Kept:
    """One network, by its name; `make` gives what fills its space."""

    def __init__(self, name: str, make: Callable[[str], Filler]) -> None:
        self.name, self._make = name, make
        self._filler: Filler | None = None
        self._seen_seq = _NONE
        self._again_at = self._not_before = self._said_at = float("-inf")

    def look(self, newest: Callable[[], int], goes_on: GoesOn, pause_seconds: float) -> None:
        """Fill where something changed, or the pause is over; a failure is tried again later."""
        if time.monotonic() < self._not_before:
            return
        try:
            seq = newest()
            if seq == self._seen_seq and time.monotonic() < self._again_at:
                return
            self._again_at = time.monotonic() + pause_seconds
            # What was cut short is gone on with as soon as may be.
            self._seen_seq = seq if self._fill(goes_on) else _NONE
        except KenalError as error:
            self._failed(f"{error.message} ({error.code})")
        except Exception as error:  # noqa: BLE001 - a thread's own traceback would name paths
            self._failed(f"[{describe(error)}]")

    def _failed(self, why: str) -> None:
        self._not_before = time.monotonic() + _RETRY_SECONDS
        self._seen_seq = _NONE
        _log.warning("network %s: its space cannot be filled yet: %s", self.name, why)

    def _fill(self, goes_on: GoesOn) -> bool:
        """Whether everything was looked at that can be."""
        if self._filler is None:
            self._filler = self._make(self.name)
        filled = self._filler.fill(goes_on, self._heard)
        if filled.done:
            self._say(filled)
        return filled.is_whole

    def _heard(self, filled: Filled) -> None:
        if time.monotonic() >= self._said_at + _SAID_SECONDS:
            self._say(filled)

    def _say(self, filled: Filled) -> None:
        self._said_at = time.monotonic()
        without = ", ".join(f"{n} {code}" for code, n in sorted(filled.without.items()))
        _log.info(
            "network %s: %d faces embedded; without: %s",
            self.name,
            filled.embedded,
            without or "none",
        )
