"""A server that misbehaves as it is told, one request after another."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge.sections import ServerSettings
from edge.settings_fields import Secret


class BadServer(ThreadingHTTPServer):
    """Takes events as Kenal does, but answers by `misbehave`; remembers what it committed."""

    daemon_threads = True

    def __init__(self, misbehave: "Misbehave") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.misbehave, self.stopped = misbehave, threading.Event()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.committed: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def settings(self, timeout_seconds: float = 5.0) -> ServerSettings:
        return ServerSettings(
            url=self.url,
            key=Secret("knl_x_y"),
            device_id="door-1",
            timeout_seconds=timeout_seconds,
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some of the tests are about."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: BadServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers["Content-Length"])))

    def _handle(self, body: bytes) -> None:
        own = self.server
        own.asked.append(f"{self.command} {self.path}")
        own.headers.append(dict(self.headers))
        own.bodies.append(body)
        own.misbehave(self)

    @property
    def event_id(self) -> str:
        return str(self.headers["X-Request-ID"])

    def commit(self) -> bool:
        """Records the event; whether it was new."""
        is_new = self.event_id not in self.server.committed
        if is_new:
            self.server.committed.append(self.event_id)
        return is_new

    def taken(self, **more: object) -> None:
        """Kenal's answer."""
        is_new = self.commit()
        said = {
            "request_id": self.event_id,
            "event_id": self.event_id,
            "decision": "match",
            "user_id": "1042",
            "grant": is_new,
            "duplicate": not is_new,
        }
        self.json(201 if is_new else 200, {**said, **more})

    def error(self, status: int, code: str, **headers: str) -> None:
        """An error of Kenal."""
        told = {"code": code, "message": "…", "details": {}}
        self.json(status, {"error": told, "request_id": self.event_id}, **headers)

    def json(self, status: int, body: object, **headers: str) -> None:
        said = {"Content-Type": "application/json", **headers}
        self.reply(status, json.dumps(body).encode(), said)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


Misbehave = Callable[[Handler], None]


@contextmanager
def bad_server(misbehave: Misbehave) -> Iterator[BadServer]:
    """On a port of its own; whoever hangs is let go at the end."""
    server = BadServer(misbehave)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
