"""A connection of the worker, and what is read of it by the loop and by the threads."""

import socket
from collections.abc import Callable

from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from core.serving.arrival import Arrival
from core.serving.request import PatientRequest

_PIECE_BYTES = 65_536


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection of the worker, with what has arrived of its next request."""

    linger: Callable[["Connection"], None]
    arrival: Arrival
    ends_at = 0.0
    drained = 0
    holds_thread = False

    def init(self) -> None:
        """As gunicorn's, to read requests that know what is left of their bodies."""
        super().init()
        self.parser.mesg_class = PatientRequest

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
