"""A queue in which callers take turns: who sends a thousand waits for itself, not others for it."""

import threading
from collections import OrderedDict, deque


class Waiter:
    """A thread in the queue; `called` is set when it has its place, or is sent away."""

    __slots__ = ("called", "caller", "is_sent_away")

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.called = threading.Event()
        self.is_sent_away = False


class FairQueue:
    """First come, first served among the requests of a caller; one after another among callers.

    Not thread-safe: its owner holds a lock.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._length = 0
        self._waiting: OrderedDict[str, deque[Waiter]] = OrderedDict()

    def __len__(self) -> int:
        return self._length

    def join(self, caller: str) -> Waiter | None:
        """A place in the queue, or None where it is full.

        A full queue still has room for a caller with fewer in it than another: that one's
        newest is sent away for it.
        """
        if self._length >= self._capacity and not self._made_room(caller):
            return None
        waiter = Waiter(caller)
        self._waiting.setdefault(caller, deque()).append(waiter)
        self._length += 1
        return waiter

    def next(self) -> Waiter:
        """Whose turn it is: the longest waiting one of the caller who waited longest for a turn."""
        caller, own = next(iter(self._waiting.items()))
        waiter = own.popleft()
        self._length -= 1
        del self._waiting[caller]
        if own:
            self._waiting[caller] = own
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Take one out who does not wait any longer."""
        own = self._waiting[waiter.caller]
        own.remove(waiter)
        self._length -= 1
        if not own:
            del self._waiting[waiter.caller]

    def _made_room(self, caller: str) -> bool:
        if not self._waiting:
            return False
        greedy = max(self._waiting.values(), key=len)
        # With one more of the newcomer's, the other must still not be the one with fewer.
        if len(greedy) <= len(self._waiting.get(caller, ())) + 1:
            return False
        waiter = greedy[-1]
        self.remove(waiter)
        waiter.is_sent_away = True
        waiter.called.set()
        return True
