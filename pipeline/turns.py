"""One gate a process in front of the work of photos: a few at once, some wait, more are refused."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import Busy
from core.settings import Settings
from pipeline.fair_queue import FairQueue, Waiter

_WAIT_SECONDS = 10.0
"""Who waited for so long is refused too: few clients wait longer, and each holds its photo."""
_LONGEST_PAUSE_SECONDS = 60
_NEWEST_PART = 0.1
"""How much the newest photo changes the pace: about the last ten count."""


class Crowded(Busy):
    """No turn for this photo now; there may be one after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("too many photos at once; send it again a little later")
        self.retry_after_seconds = retry_after_seconds


class Turns:
    """At most `at_once` photos are worked on and `queue` wait, fairly among callers.

    Thread-safe. A place is handed to whose turn it is, never put up for grabs.
    """

    def __init__(
        self,
        at_once: int,
        queue: int,
        wait_seconds: float = _WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once, self._wait_seconds = at_once, wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._working = 0
        self._waiting = FairQueue(queue)
        self._pace_seconds: float | None = None

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    @contextmanager
    def turn(self, caller: str = "", wait_seconds: float | None = None) -> Iterator[None]:
        """Wait for a place and hold it; raises Crowded at once where too many wait, or later.

        `wait_seconds`: for who cannot wait as long as the others.
        """
        waiter = self._join(caller)
        if waiter is not None:
            self._wait(waiter, self._wait_seconds if wait_seconds is None else wait_seconds)
        started = self._clock()
        try:
            yield
        finally:
            self._leave(self._clock() - started)

    def _join(self, caller: str) -> Waiter | None:
        """A place at once (None), or one in the queue."""
        with self._lock:
            if self._working < self._at_once:
                self._working += 1
                return None
            waiter = self._waiting.join(caller)
            if waiter is None:
                raise Crowded(self._pause())
            return waiter

    def _wait(self, waiter: Waiter, seconds: float) -> None:
        if not waiter.called.wait(seconds):
            self._give_up(waiter)
        if waiter.is_sent_away:
            with self._lock:
                raise Crowded(self._pause())

    def _give_up(self, waiter: Waiter) -> None:
        with self._lock:
            # Called between the end of the wait and here: the place is ours, so it is used.
            if waiter.called.is_set():
                return
            self._waiting.remove(waiter)
            raise Crowded(self._pause())

    def _leave(self, seconds: float) -> None:
        with self._lock:
            before = seconds if self._pace_seconds is None else self._pace_seconds
            self._pace_seconds = before + _NEWEST_PART * (seconds - before)
            if self._waiting:
                self._waiting.next().called.set()
            else:
                self._working -= 1

    def _pause(self) -> int:
        """Whole seconds until those who are here will be done, at the pace of the last photos."""
        ahead = self._working + len(self._waiting)
        seconds = (self._pace_seconds or 0.0) * ahead / self._at_once
        return min(max(1, math.ceil(seconds)), _LONGEST_PAUSE_SECONDS)


def turns_of(settings: Settings) -> Turns:
    """The turns of one process, as the settings want them."""
    return Turns(settings.working_photos, settings.queue)
