"""The live page at work: a socket, waitress's loop in a thread, and an eye on who stalls."""

import importlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.board import Board
from edge.page.app import Site
from edge.page.captures import Captures
from edge.page.types import Capture, Status
from edge.page.viewers import Viewers
from edge.sections import LOOPBACK, PageSettings

STALLED_SECONDS = 10.0
log = logging.getLogger("edge.page")
_LOOP_SECONDS = 0.5
_SEND_BUFFER_BYTES = 64 * 1024  # the system's own may grow to megabytes: seconds of old pictures
_SPARE_THREADS = 4
_JOIN_SECONDS = 5.0


class Page:
    """The live page; raises ValueError where others could see it without a password."""

    def __init__(
        self,
        settings: PageSettings,
        board: Board,
        status: Status,
        capture: Capture | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`capture` None: nobody can be registered here. `clock` is that of the frames."""
        if settings.host not in LOOPBACK and not settings.password.text:
            raise ValueError("page.password must be given where page.host is not this machine")
        self._settings, self._clock, self._stop = settings, clock, threading.Event()
        self._captures = Captures(capture) if capture is not None else None
        self._site = Site(settings, board, status, self._captures, self._stop, clock=clock)
        self._thread: threading.Thread | None = None
        self._server: Any = None
        self._port = settings.port

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def viewers(self) -> int:
        """How many watch."""
        return self._site.viewers.count()

    @property
    def encoded(self) -> int:
        """How many pictures were encoded since the start."""
        return self._site.feed.pictures.encoded

    def start(self) -> None:
        """Listens and answers in threads; raises OSError that says what is wrong."""
        listening = _listening(self._settings.host, self._settings.port)
        self._port = listening.getsockname()[1]
        sockets = dict[int, Any]()  # waitress's, by number
        server = _waitress(self._site.app(), listening, self._settings.max_viewers, sockets)
        self._server = server
        watch = StallWatch(self._site.viewers, self._clock)
        self._thread = threading.Thread(
            target=self._run, args=(server, sockets, watch), name="edge-page", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends every stream; waits some seconds at most; may be called twice."""
        self._stop.set()
        if self._server is not None and self._thread is not None:
            self._server.pull_trigger()
            self._thread.join(_JOIN_SECONDS)
            if not self._thread.is_alive():  # else it still uses what would be closed
                self._server.close()
                self._server = None
        if self._captures is not None:
            self._captures.join(_JOIN_SECONDS)

    def _run(self, server: Any, sockets: dict[int, Any], watch: "StallWatch") -> None:
        channels = server.active_channels
        while not self._stop.is_set():
            try:
                server.asyncore.loop(timeout=_LOOP_SECONDS, map=sockets, count=1, use_poll=True)
                watch.look(list(channels.values()))
            except Exception as error:  # noqa: BLE001 - one bad connection is no reason to stop
                log.error("the page's server stumbled: %s", type(error).__name__)
                self._stop.wait(_LOOP_SECONDS)
        for channel in list(channels.values()):
            channel.handle_close()
        server.task_dispatcher.shutdown(timeout=_JOIN_SECONDS / 2)


class StallWatch:
    """Closes connections that take nothing of what waits for them; waitress itself would wait."""

    def __init__(self, viewers: Viewers, clock: Callable[[], float]) -> None:
        self._viewers, self._clock = viewers, clock
        self._filled: dict[int, float] = {}  # since when something waits, by connection

    def look(self, channels: list[Any]) -> None:
        """Once a round of the loop, in its thread."""
        now, filled = self._clock(), dict[int, float]()
        for channel in channels:
            since = self._since(channel, now)
            if since is None:
                continue
            if now - since > STALLED_SECONDS:
                channel.handle_close()
            else:
                filled[id(channel)] = since
        self._filled = filled

    def _since(self, channel: Any, now: float) -> float | None:
        address = (str(channel.addr[0]), str(channel.addr[1]))
        if self._viewers.watches(address):
            # Not whether something waits: on a slow line that is always so.
            return self._viewers.waiting_since(address)
        return self._filled.get(id(channel), now) if channel.total_outbufs_len else None


def _listening(host: str, port: int) -> socket.socket:
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        listening.bind(place)
    except OSError as error:
        listening.close()
        raise OSError(f"the page cannot listen at port {port}: {error.strerror}") from None
    return listening


def _waitress(app: Any, listening: socket.socket, viewers: int, sockets: dict[int, Any]) -> Any:
    # It speaks of addresses and prints tracebacks; what fails in our own code we say ourselves.
    theirs = logging.getLogger("waitress")
    theirs.propagate, theirs.disabled = False, True
    logging.getLogger("waitress.queue").disabled = True
    return importlib.import_module("waitress.server").create_server(
        app,
        map=sockets,
        sockets=[listening],
        threads=viewers + _SPARE_THREADS,
        outbuf_high_watermark=1024,  # a picture is asked for when the last one is nearly gone
        max_request_header_size=16 * 1024,
        max_request_body_size=16 * 1024,
        channel_timeout=20,
        cleanup_interval=5,
        connection_limit=100,
        log_socket_errors=False,
        ident="",
    )
