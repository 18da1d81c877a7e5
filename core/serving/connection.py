"""A connection of the worker, and what is read of it by the loop and by the threads."""

import errno
import socket
from collections.abc import Callable

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from core.serving.arrival import Arrival

_PIECE_BYTES = 65_536


class Reader:
    """Reads a body as gunicorn's does; one that is no HTTP ends like one whose client left.

    The application knows the one, and answers 400; of the other it would know nothing.
    """

    def __init__(self, plain: "Reader") -> None:
        self._plain = plain

    def read(self, size: int) -> bytes:
        """Raises ConnectionResetError for a body that is malformed."""
        try:
            return self._plain.read(size)
        except ParseException:
            raise ConnectionResetError(errno.ECONNRESET, "the body is malformed") from None


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection of the worker, with what has arrived of its next request."""

    linger: Callable[["Connection"], None]
    arrival: Arrival
    ends_at = 0.0
    drained = 0
    holds_thread = False

    def close(self, graceful: bool = False) -> None:
        """As gunicorn's, which reads the rest of what is sent for two seconds in its one loop."""
        if graceful:
            self.linger(self)
        else:
            super().close(graceful)

    def forget_request(self) -> None:
        """Let go of the request that was answered: its head can have half a megabyte."""
        self.parser.mesg = None


def received(sock: socket.socket) -> bytes | None:
    """What has come; empty where nothing more will, None where nothing has yet."""
    try:
        return sock.recv(_PIECE_BYTES)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
