"""What the server told this device in its heartbeats; pure but for its lock."""

import threading
from dataclasses import dataclass

CLOCK_RIGHT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Heard:
    fresh_seconds: float
    skew_seconds: float
    wall_minus_monotonic: float


class Facts:
    """Replaced whole by each heartbeat; thread-safe."""

    def __init__(self, fresh_seconds: float) -> None:
        """`fresh_seconds` is what this device allows; the server can only shorten it."""
        self._allowed, self._lock = fresh_seconds, threading.Lock()
        self._heard: _Heard | None = None

    def learn(
        self, fresh_seconds: float, skew_seconds: float, wall: float, monotonic: float
    ) -> None:
        """A heartbeat was answered at this moment."""
        with self._lock:
            self._heard = _Heard(fresh_seconds, skew_seconds, wall - monotonic)

    @property
    def fresh_seconds(self) -> float:
        """For how long after its frame an answer may open."""
        with self._lock:
            return min(self._allowed, self._heard.fresh_seconds if self._heard else self._allowed)

    @property
    def skew_seconds(self) -> float | None:
        """Our clock minus the server's, as last heard."""
        with self._lock:
            return self._heard.skew_seconds if self._heard else None

    def is_clock_right(self, wall: float, monotonic: float) -> bool:
        """Whether the server confirmed the clock and it has not leapt since."""
        with self._lock:
            heard = self._heard
        if heard is None or abs(heard.skew_seconds) > CLOCK_RIGHT_SECONDS:
            return False
        return abs(wall - monotonic - heard.wall_minus_monotonic) <= CLOCK_RIGHT_SECONDS
