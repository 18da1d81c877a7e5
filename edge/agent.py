"""The loop: newest frame in, visits out."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge.types import Camera, Frame, Visit

MAX_AGE_SECONDS = 1.0
log = logging.getLogger("edge.agent")
_IDLE_SECONDS = 0.01
_REOPEN_SECONDS = 2.0


class Watches(Protocol):
    """What finds visits in frames."""

    def feed(self, frame: Frame) -> list[Visit]:
        """The visits that this frame ends."""


class Agent:
    """Feeds fresh frames to the watcher and offers its visits; runs in the thread that calls."""

    def __init__(
        self,
        camera: Camera,
        watcher: Watches,
        offer: Callable[[Visit], object],
        alive: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alive` is called for every fresh frame that was looked at."""
        self._camera, self._watcher, self._offer = camera, watcher, offer
        self._alive, self._clock = alive, clock
        self._status = ""
        self.stale = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; the camera is closed at the end."""
        try:
            while not stop.is_set() and not self._opened():
                stop.wait(_REOPEN_SECONDS)
            while not stop.is_set():
                stop.wait(self.step())
        finally:
            self._camera.close()

    def step(self) -> float:
        """Looks at the newest frame, if there is one; the seconds to wait before the next."""
        frame = self._camera.read()
        self._say(self._camera.status())
        if frame is None:
            return _IDLE_SECONDS
        if not 0 <= self._clock() - frame.captured_monotonic <= MAX_AGE_SECONDS:
            self.stale += 1
            return 0.0
        try:
            visits = self._watcher.feed(frame)
        except Exception as error:  # noqa: BLE001 - one bad frame is no reason to stop
            log.error("a frame could not be looked at: %s", type(error).__name__)
            return _IDLE_SECONDS
        self._alive()
        for visit in visits:
            self._offer(visit)
        return 0.0

    def _opened(self) -> bool:
        try:
            self._camera.open()
        except OSError as error:
            self._say(words_of(error))
            return False
        return True

    def _say(self, status: str) -> None:
        if status != self._status:
            log.log(logging.INFO if status == "ok" else logging.WARNING, "camera: %s", status)
        self._status = status


def words_of(error: OSError) -> str:
    """What is wrong, without the path that the system's own errors name."""
    return str(error) if error.errno is None else f"cannot be opened: {error.strerror}"
