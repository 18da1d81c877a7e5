"""What the broker is still to be told: bounded, and never stale news as if they were new."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.mqtt.messages import STATES, Happened, Message, Topics

MOST_AGE_SECONDS = 60.0
_MOST_EVENTS = 100


@dataclass(frozen=True, slots=True)
class _Dated:
    message: Message
    until: float  # by the steady clock


class Backlog:
    """Greetings, the newest word of each state, and the events of the last minute; no locks."""

    def __init__(
        self,
        topics: Topics,
        greetings: Sequence[Message],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """`greetings` are said first of all, each time the broker was away."""
        self._topics, self._greetings = topics, tuple(greetings)
        self._clock, self._wall = clock, wall
        self._words: dict[str, str] = {}
        self._first: deque[Message] = deque()
        self._new: dict[str, None] = {}  # states to say, in their order
        self._events: deque[_Dated] = deque(maxlen=_MOST_EVENTS)

    def __bool__(self) -> bool:
        """Whether there may be something to say."""
        return bool(self._first or self._new or self._events)

    def connected(self) -> None:
        """The broker may have forgotten everything: it is greeted and told every state again."""
        self._first = deque(self._greetings)
        self._new = dict.fromkeys(self._words)

    def state(self, name: str, word: str) -> None:
        """The newest word; said once. Raises ValueError for what has no state."""
        if name not in STATES:
            raise ValueError(f"{name} has no state")
        if self._words.get(name) != word:
            self._words[name] = word
            self._new[name] = None

    def event(self, happened: Happened) -> None:
        """Added where its picture is at most a minute old; the oldest gives way."""
        left = MOST_AGE_SECONDS - max(self._wall() - happened.captured_at, 0.0)
        if left > 0:
            try:
                message = self._topics.event(happened)
            except ValueError:
                return  # a clock beyond all years: nothing that anybody could place
            self._events.append(_Dated(message, self._clock() + left))

    def next(self) -> Message | None:
        """What to say now; it is then said."""
        if self._first:
            return self._first.popleft()
        if self._new:
            name = next(iter(self._new))
            del self._new[name]
            return self._topics.state(name, self._words[name])
        while self._events:
            dated = self._events.popleft()
            if self._clock() < dated.until:
                return dated.message
        return None
