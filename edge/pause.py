"""When the server may be asked again; pure but for its lock and the clock it is given."""

import random
import threading
from collections.abc import Callable

from edge.backoff import delay

LOCKED_OUT_SECONDS = 60.0


class Pause:
    """Shared by everything that sends; thread-safe."""

    def __init__(
        self, clock: Callable[[], float], chance: Callable[[], float] = random.random
    ) -> None:
        """`clock` is monotonic."""
        self._clock, self._chance, self._lock = clock, chance, threading.Lock()
        self._failures = 0
        self._backing_off_until = self._told_until = 0.0
        self.alarm: str | None = None  # what an admin must see to

    def seconds(self, *, is_live: bool) -> float:
        """How long to wait now; a live event only where the server said so: it may be back."""
        with self._lock:
            until = self._told_until
            if not is_live:
                until = max(until, self._backing_off_until)
            return max(0.0, until - self._clock())

    @property
    def is_away(self) -> bool:
        """Whether the last that was sent was not answered."""
        with self._lock:
            return self._failures > 0

    def failed(self, told: float | None) -> float:
        """The server failed; the seconds until it is asked again."""
        with self._lock:
            self._failures += 1
            pause = delay(self._failures, self._chance(), told)
            if told is None:
                self._backing_off_until = self._clock() + pause
            else:
                self._told_until = self._clock() + pause
            return pause

    def locked_out(self, word: str) -> None:
        """The key is refused: nothing is sent for a while."""
        with self._lock:
            self.alarm = word
            self._told_until = self._clock() + LOCKED_OUT_SECONDS

    def answered(self) -> bool:
        """The server took something; whether it had failed before."""
        with self._lock:
            was_away = self._failures > 0 or self.alarm is not None
            if self.alarm is not None:
                self._told_until = 0.0
            self._failures, self._backing_off_until, self.alarm = 0, 0.0, None
            return was_away
