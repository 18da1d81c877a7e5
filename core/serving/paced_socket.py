"""A connection whose other end must keep a pace: a byte now and then holds no thread for long."""

import socket
import time
from typing import Self

_SILENCE_SECONDS = 20.0
_GRACE_SECONDS = 20.0
_LEAST_BYTES_PER_SECOND = 50_000


class PacedSocket(socket.socket):
    """A connected socket that ends where a body comes, or an answer goes, slower than allowed.

    All of it may take 20 s, and a second more for every 50 kB; a silence, 20 s. Who is slower is
    read as one who left.
    """

    _ends_at: float | None = None
    _is_over = False

    @classmethod
    def of(cls, plain: socket.socket) -> Self:
        """The same connection, paced; `plain` is closed."""
        return cls(plain.family, plain.type, plain.proto, plain.detach())

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

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        """As of a socket; raises TimeoutError where the other end does not take it in time."""
        given = self.gettimeout()
        # With a timeout, Python's own sendall takes no longer than that for all of it.
        self.settimeout(_GRACE_SECONDS + len(data) / _LEAST_BYTES_PER_SECOND)
        try:
            super().sendall(data, flags)
        finally:
            self.settimeout(given)

    def _received(self, size: int, flags: int, left: float, given: float | None) -> bytes:
        if left <= 0:
            raise TimeoutError
        self.settimeout(left if given is None else min(left, given))
        try:
            return super().recv(size, flags)
        finally:
            self.settimeout(given)
