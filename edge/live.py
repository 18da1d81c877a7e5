"""Events of people who still stand at the door: sent first, from memory, and soon too old."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.outbox import Claim, Event

_RETRY_SECONDS = 0.5


@dataclass(slots=True)
class _Waiting:
    event: Event
    captured_monotonic: float
    due: float = 0.0
    failures: int = 0
    is_sent: bool = False  # the sender has it now, or it is held


class Live:
    """The live events, in their order; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, and the one of the frames."""
        self._clock, self._lock = clock, threading.Lock()
        self._waiting: dict[str, _Waiting] = {}

    def put(self, event: Event, captured_monotonic: float, *, is_held: bool = False) -> None:
        """A new event. One that is held is nobody's to send, however old, until its release."""
        with self._lock:
            waiting = _Waiting(event, captured_monotonic, is_sent=is_held)
            self._waiting[event.event_id] = waiting

    def claim(self, event_id: str) -> Claim | None:
        """What it is sent with; None where it is not live."""
        with self._lock:
            one = self._waiting.get(event_id)
            return None if one is None else one.event.claim

    def release(self, event_id: str, claim: Claim) -> None:
        """What was held may be sent, with this claim."""
        with self._lock:
            one = self._waiting.get(event_id)
            if one is not None:
                one.event, one.is_sent = replace(one.event, claim=claim), False

    def next(self, fresh_seconds: float) -> tuple[Event | None, float]:
        """The oldest that is due, with the seconds for which it is still fresh; or None and the
        seconds until one is due (inf: there is none)."""
        now = self._clock()
        with self._lock:
            self._forget(now - fresh_seconds)
            for one in self._waiting.values():
                if not one.is_sent and one.due <= now:
                    one.is_sent = True
                    return one.event, one.captured_monotonic + fresh_seconds - now
            dues = [one.due - now for one in self._waiting.values() if not one.is_sent]
        return None, min(dues, default=float("inf"))

    def again(self, event_id: str, told_seconds: float | None) -> None:
        """An attempt failed: soon again, or when the server said."""
        with self._lock:
            one = self._waiting.get(event_id)
            if one is not None:
                one.failures += 1
                pause = told_seconds if told_seconds is not None else _RETRY_SECONDS * one.failures
                one.due, one.is_sent = self._clock() + pause, False

    def answered(self, event_id: str, fresh_seconds: float) -> bool:
        """The first answer came: whether it came in time. False for ever after."""
        with self._lock:
            one = self._waiting.pop(event_id, None)
        return one is not None and self._clock() - one.captured_monotonic <= fresh_seconds

    def drop(self, event_id: str) -> None:
        """It is live no longer."""
        with self._lock:
            self._waiting.pop(event_id, None)

    def ids(self, fresh_seconds: float) -> list[str]:
        """Whom the old events leave alone: what is fresh, and what is being sent."""
        with self._lock:
            self._forget(self._clock() - fresh_seconds)
            return list(self._waiting)

    def _forget(self, oldest: float) -> None:
        for event_id, one in list(self._waiting.items()):
            if one.captured_monotonic < oldest and not one.is_sent:
                del self._waiting[event_id]
