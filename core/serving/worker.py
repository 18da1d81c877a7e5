"""gunicorn's worker of threads, without its weakness: a thread for each client that is slow.

gunicorn gives a connection a thread as soon as its first byte is there; some dozens of clients
that send a byte a second then hold all of them. Here the loop that accepts connections collects
the head of a request and the beginning of its body, a thread gets what can be worked on, and some
threads are kept for requests that bring no large body.
"""

import errno
import json
import selectors
import socket
import time
import uuid
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from core.serving.arrival import Arrival
from core.serving.connection import Connection, received
from core.serving.finished import LastingQueue
from core.serving.idle import has_data, who_must_go
from core.serving.paced_socket import PacedSocket
from core.settings import load_settings

KEPT_THREADS = 2
"""For requests that are there as a whole, beside those for bodies that are still coming."""
_HELD_SECONDS = 10.0
_LINGER_SECONDS = 2.0
_MOST_LINGERING = 200
_MOST_DRAINED_BYTES = 1_000_000
_LOOK_SECONDS = 0.5
_NOT_NOW = frozenset([errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED])
_NO_DESCRIPTOR = frozenset([errno.EMFILE, errno.ENFILE])


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for slow clients without threads, and not for long."""

    def init_process(self) -> None:
        self.method_queue = LastingQueue()
        self._arriving: set[Connection] = set()
        self._answered: dict[Connection, Future[object]] = {}
        self._lingering: set[Connection] = set()
        self._held: deque[Connection] = deque()
        self._coming = 0
        self._next_look = 0.0
        self._most_bytes = load_settings().max_upload_bytes
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; without a descriptor for it, later."""
        try:
            plain, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                self.log.error("no descriptor for another connection")
                time.sleep(_LOOK_SECONDS)
            elif error.errno not in _NOT_NOW:
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, PacedSocket.of(plain), address, listener.getsockname())
        connection.linger = self.linger
        self.enqueue_req(connection)

    def enqueue_req(self, conn: Connection) -> None:
        """Another request begins: collect it, and give it to a thread when it is there."""
        ahead = conn.parser.unreader.take_buffered() if conn.parser else b""
        conn.arrival = Arrival(ahead, self._most_bytes)
        conn.sock.setblocking(False)
        # Mostly all of it is there by now, which saves the loop a turn.
        if conn.arrival.is_enough or self._is_there(conn):
            self._pass_on(conn)
            return
        self._arriving.add(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, conn))

    def handle(self, conn: Connection) -> bool:
        conn.sock.begin()
        if not super().handle(conn) or conn.sock.is_over:
            return False
        conn.forget_request()
        return True

    def handle_request(self, req: Request, conn: Connection) -> object:
        if self.nr_conns >= self.worker_connections:
            # It could not be kept; a client that is told so loses no request.
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: Connection, fs: "Future[object]") -> None:
        if conn.holds_thread:
            conn.holds_thread = False
            self._coming -= 1
            if self._held:
                self._give(self._held.popleft())
        if conn.sock.is_waiting:
            conn.sock.setblocking(False)
            self._answered[conn] = fs
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._flush, conn))
        else:
            super().finish_request(conn, fs)

    def murder_keepalived(self, force: bool = False) -> None:
        """Let go of idle connections: late ones, and those idle longest where places run short."""
        if force:
            super().murder_keepalived(force)
            return
        lacking = self.nr_conns - self.worker_connections + 1
        idle, now = self.keepalived_conns, time.monotonic()
        for conn in who_must_go(idle, now, lacking, lambda one: has_data(one.sock)):
            idle.remove(conn)
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """On a stop, whose head is not there goes as early as who is idle."""
        super()._cap_keepalive(deadline)
        for conn in self._arriving:
            conn.arrival.hurry(deadline)

    def murder_pending(self) -> None:
        """Let go of those whose time is over."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        for conn in [one for one in self._arriving if one.arrival.ends_at < now]:
            self._forget(conn, self._arriving)
            self._drop(conn)
        for conn in [one for one in self._answered if one.sock.taken_by < now]:
            self._answered.pop(conn)
            self.poller.unregister(conn.sock)
            self._drop(conn)
        for conn in [one for one in self._lingering if one.ends_at < now]:
            self._forget(conn, self._lingering)
            self._drop(conn)
        while self._held and self._held[0].ends_at < now:
            self._refuse(self._held.popleft())

    def linger(self, conn: Connection) -> None:
        """Close after the other end, so that it can read its answer while it still sends.

        Of a connection that is no longer counted: it is again, until it is closed.
        """
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            util.close(conn.sock)
            return
        if len(self._lingering) >= _MOST_LINGERING:
            util.close(conn.sock)
            return
        conn.ends_at = time.monotonic() + _LINGER_SECONDS
        self.nr_conns += 1
        self._lingering.add(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))

    def _collect(self, conn: Connection, _: object) -> None:
        if self._is_there(conn):
            self._forget(conn, self._arriving)
            self._pass_on(conn)

    def _is_there(self, conn: Connection) -> bool:
        """Take what has come: whether that is enough, or nothing more will come."""
        data = received(conn.sock)
        if data is None:
            return False
        conn.arrival.add(data)
        return conn.arrival.is_enough or not data

    def _pass_on(self, conn: Connection) -> None:
        # Half of a body, and no more to come: what that means is for the application to say.
        if conn.arrival.is_enough or conn.arrival.has_head:
            self._give(conn)
        else:
            self._drop(conn)

    def _give(self, conn: Connection) -> None:
        """Give the request to a thread, or hold it while too many of them wait for bodies."""
        if not conn.arrival.is_whole:
            if self._coming >= self.cfg.threads - KEPT_THREADS:
                conn.ends_at = time.monotonic() + _HELD_SECONDS
                self._held.append(conn)
                return
            conn.holds_thread = True
            self._coming += 1
        conn.init()
        conn.parser.unreader.unread(bytes(conn.arrival.data))
        conn.data_ready = True
        conn.arrival.data.clear()
        super().enqueue_req(conn)

    def _refuse(self, conn: Connection) -> None:
        """503 in the one shape of errors: nobody will read the body in time."""
        error = {"code": "busy", "message": "too many slow requests at once", "details": {}}
        body = json.dumps({"error": error, "request_id": uuid.uuid4().hex}).encode()
        head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            conn.sock.setblocking(False)
            conn.sock.send(head.encode() + body)
        except OSError:
            self._drop(conn)
            return
        self.nr_conns -= 1
        self.linger(conn)

    def _drain(self, conn: Connection, _: object) -> None:
        data = received(conn.sock)
        if data is None:
            return
        conn.drained += len(data)
        if not data or conn.drained > _MOST_DRAINED_BYTES:
            self._forget(conn, self._lingering)
            self._drop(conn)

    def _flush(self, conn: Connection, _: object) -> None:
        """Send more of an answer; the request ends with the last of it."""
        # Where the other end left, there is nothing more to send.
        with suppress(OSError):
            conn.sock.flush()
        if not conn.sock.is_waiting:
            self.poller.unregister(conn.sock)
            super().finish_request(conn, self._answered.pop(conn))

    def _forget(self, conn: Connection, among: set[Connection]) -> None:
        among.discard(conn)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        util.close(conn.sock)
