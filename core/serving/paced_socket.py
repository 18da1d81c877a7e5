"""A connection whose other end must keep a pace: a byte now and then holds no thread for long."""

import socket
import time
from collections import deque
from contextlib import suppress
from typing import Self

_SILENCE_SECONDS = 20.0
_GRACE_SECONDS = 20.0
_LEAST_BYTES_PER_SECOND = 50_000
_MOST_WAITING_BYTES = 2_000_000
"""Of an answer; nearly all are smaller, and most are shared by all who are sent the same."""


class PacedSocket(socket.socket):
    """A connected socket that ends where a body comes, or an answer goes, slower than allowed.

    All of it may take 20 s, and a second more for every 50 kB; a silence, 20 s. Who is slower is
    read as one who left. What is not taken of an answer at once waits here without a thread:
    `flush` sends it, until `taken_by` at the latest.
    """

    _ends_at: float | None = None
    _is_over = False
    _waiting: deque[memoryview]
    taken_by = 0.0

    @classmethod
    def of(cls, plain: socket.socket) -> Self:
        """The same connection, paced; `plain` is closed."""
        paced = cls(plain.family, plain.type, plain.proto, plain.detach())
        paced._waiting = deque()
        return paced

    def begin(self) -> None:
        """Another request is read from now on, by a thread that waits for it."""
        self._ends_at = time.monotonic() + _GRACE_SECONDS

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As of a socket; nothing, then and ever after, where the time is over."""
        if self._is_over:
            return b""
        given = self.gettimeout()
        if self._ends_at is None or given == 0:
            return super().recv(size, flags)
        left = min(self._ends_at - time.monotonic(), _SILENCE_SECONDS)
        try:
            data = self._received(size, flags, left, given)
        except TimeoutError:
            if given is not None and given < left:
                raise
            self._is_over = True
            return b""
        self._ends_at += len(data) / _LEAST_BYTES_PER_SECOND
        return data

    @property
    def is_over(self) -> bool:
        """Whether the other end was too slow: nothing is read of it any more."""
        return self._is_over

    @property
    def is_waiting(self) -> bool:
        """Whether a part of an answer was not sent yet, and can be."""
        return bool(self._waiting) and self.fileno() >= 0

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        """Send what is taken at once, and keep the rest; of a large one only the last part.

        Raises TimeoutError where the other end does not take the large one in time, OSError.
        """
        if not self._waiting:
            self.taken_by = time.monotonic() + _GRACE_SECONDS
        self.taken_by += len(data) / _LEAST_BYTES_PER_SECOND
        self._waiting.append(memoryview(data))
        self.flush(flags)
        if self._is_much():
            self._wait(flags)

    def flush(self, flags: int = 0) -> None:
        """Send of what waits as much as is taken without waiting; raises OSError."""
        try:
            while self._waiting:
                self._send_first(flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self._waiting.clear()
            raise

    def _is_much(self) -> bool:
        return sum(map(len, self._waiting)) > _MOST_WAITING_BYTES

    def _wait(self, flags: int) -> None:
        given = self.gettimeout()
        try:
            while self._is_much():
                self.settimeout(max(0.001, self.taken_by - time.monotonic()))
                self._send_first(flags)
        except OSError:
            self._waiting.clear()
            raise
        finally:
            self.settimeout(given)

    def _send_first(self, flags: int) -> None:
        first = self._waiting[0]
        rest = first[super().send(first, flags) :]
        if rest:
            self._waiting[0] = rest
        else:
            self._waiting.popleft()

    def _received(self, size: int, flags: int, left: float, given: float | None) -> bytes:
        if left <= 0:
            raise TimeoutError
        if given is None:
            # Mostly something is there: then nothing has to be set and nobody waits.
            with suppress(BlockingIOError):
                return super().recv(size, flags | socket.MSG_DONTWAIT)
        self.settimeout(left if given is None else min(left, given))
        try:
            return super().recv(size, flags)
        finally:
            self.settimeout(given)
