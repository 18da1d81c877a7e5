"""A camera read by a thread of its own, so that a slow consumer gets the newest picture."""

import random
import threading
import time
from collections.abc import Callable

from edge.backoff import delay
from edge.cameras.lateness import Lateness
from edge.cameras.sources import CameraEndedError, CameraError, Source
from edge.cameras.watch import LATE, OK, RESTARTED, Watch
from edge.types import Frame

OLDEST_S = 1.0
"""A picture older than this is nobody's: who stood there may have gone."""

Clock = Callable[[], float]
_HEALTHY_S = 10.0
_JOIN_S = 6.0
_WRONG_S = 3.0


class LiveCamera:
    """Keeps the newest frame of `source` only, and opens it anew where it is lost or wrong."""

    def __init__(
        self,
        source: Source,
        watch: Watch | None = None,
        *,
        patient: bool = False,
        clock: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        """`patient`: a camera that is away at the start is waited for, `open` raises nothing."""
        self._source, self._watch, self._patient = source, watch or Watch(), patient
        self._waits, self._lateness = Waits(), Lateness()
        self._clock, self._wall_clock = clock, wall_clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._newest: Frame | None = None
        self._number = 0
        self._problem = ""
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Starts the camera, or raises OSError that says what is wrong."""
        if self._thread is not None:
            return
        self._problem, self._newest = "", None
        self._begin()
        try:
            self._source.open()
        except CameraError as error:
            if not self._patient:
                raise
            self._problem = str(error)
        # Its own, so that a thread that hung before does not go on with this one.
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stop,), name="camera", daemon=True
        )
        self._thread.start()

    def read(self) -> Frame | None:
        """The newest frame that was not read yet and is younger than a second."""
        with self._lock:
            frame, self._newest = self._newest, None
        if frame is None or self._clock() - frame.captured_monotonic > OLDEST_S:
            return None
        return frame

    def close(self) -> None:
        """Lets go of the camera; may be called twice."""
        thread, self._thread = self._thread, None
        self._stop.set()
        if thread is not None:
            # A driver that hangs is left to the thread, which ends with the process.
            thread.join(_JOIN_S)

    def status(self) -> str:
        """`ok`, or in some words what is wrong."""
        if self._problem:
            return self._problem
        return self._watch.state(self._clock())

    def _run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._step(stop)
        except CameraEndedError:
            self._problem = "ended"
        finally:
            self._source.close()

    def _step(self, stop: threading.Event) -> None:
        try:
            state = OK if self._problem else self._take()
        except CameraError as error:
            state = self._problem = str(error)
        if self._problem or state in RESTARTED:
            self._restart(state, stop)

    def _take(self) -> str:
        picture = self._source.read()
        now = self._clock()
        late = self._lateness.see(picture.at, now)
        state = self._watch.see(picture.image, now)
        number, self._number = self._number, self._number + 1
        if state == OK and self._lateness.is_stuck(now):
            return LATE
        if state == OK and late is not None and self._watch.is_usable:
            self._waits.healthy(now)
            taken_at, taken = self._wall_clock() - late, now - late
            with self._lock:
                self._newest = Frame(picture.image, number, taken_at, taken, picture.large)
        return state

    def _begin(self) -> None:
        self._watch.restart()
        self._lateness.restart()

    def _restart(self, why: str, stop: threading.Event) -> None:
        """Waits, opens anew, and says why until that has worked."""
        self._problem = self._problem or why
        self._source.close()
        with self._lock:
            self._newest = None
        wait = self._waits.next(self._clock())
        # A camera that answers may show something any moment: somebody switches the light on.
        if stop.wait(min(wait, _WRONG_S) if why in RESTARTED else wait):
            return
        try:
            self._source.open()
        except CameraError as error:
            self._problem = str(error)
            return
        self._begin()
        self._problem = ""


class Waits:
    """How long to wait before the next try; it begins anew after a time that went well."""

    def __init__(self) -> None:
        self._failures = 0
        self._well_since: float | None = None
        self._random = random.Random()  # noqa: S311 (it only spreads waits)

    def next(self, now: float) -> float:
        """Seconds to wait after one more failure."""
        if self._well_since is not None and now - self._well_since > _HEALTHY_S:
            self._failures = 0
        self._well_since = None
        self._failures += 1
        return delay(self._failures, self._random.random())

    def healthy(self, now: float) -> None:
        """A good picture came."""
        if self._well_since is None:
            self._well_since = now
