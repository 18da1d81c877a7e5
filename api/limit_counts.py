"""Where requests are counted in memory. Imported only where they are counted: it takes a while."""

import threading
import time

from limits.storage import MemoryStorage

_PAUSE_SECONDS = 1.0


class _Seldom:
    """A timer that counts as running for a second: so long no other one is started."""

    def __init__(self, timer: threading.Timer) -> None:
        self._timer = timer
        self._until = time.monotonic() + _PAUSE_SECONDS

    def is_alive(self) -> bool:
        return time.monotonic() < self._until or self._timer.is_alive()

    def start(self) -> None:
        self._timer.start()


class CalmStorage(MemoryStorage):
    """The library's own, which starts a thread after nearly every request to forget old counts.

    To wait for a thread's start costs a request more than all else that counts it.
    """

    @property  # type: ignore[override]
    def timer(self) -> _Seldom:
        return self._seldom

    @timer.setter
    def timer(self, timer: threading.Timer) -> None:
        self._seldom = _Seldom(timer)
