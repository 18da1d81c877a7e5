"""A receiver of webhooks on loopback, a queue, and a sender that does not wait for long."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook as Verifier

from core.settings import Settings
from db import deliveries, webhooks
from db.delivery_models import Delivery, Webhook
from db.session import Database
from pipeline.webhooks.events import EventType
from pipeline.webhooks.sender import Sender
from pipeline.webhooks.signing import new_secret

ALL = [event for event in EventType if event is not EventType.TEST]
SOON_SECONDS = 30.0


@dataclass(frozen=True)
class Got:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def type(self) -> str:
        return str(self.json["type"])

    def verify(self, secret: str) -> None:
        """Raises where the public library does not accept the signature."""
        Verifier(secret).verify(self.body, self.headers)


class Receiver:
    """Answers 200, or what `says` has next: a status, and headers."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[Got] = []
        self.says: list[tuple[int, dict[str, str]]] = []
        self.before: Callable[[], object] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Got(self.path, names, self.rfile.read(length)))
                receiver.before()
                status, headers = receiver.says.pop(0) if receiver.says else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *args: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: object) -> None:
                """A sender that leaves is a part of some tests."""

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(port)
    try:
        yield receiver
    finally:
        receiver.close()


def subscribe(database: Database, url: str, events: Sequence[str] = ALL) -> Webhook:
    with database.write() as session:
        return webhooks.add(session, url, None, list(events), new_secret())


def rows(database: Database) -> list[Delivery]:
    """Every delivery of every webhook, oldest first."""
    with database.read() as session:
        hooks = webhooks.page(session, 0, 100)
        found = [row for hook in hooks for row in deliveries.page(session, hook.id, None, 1000)]
        session.expunge_all()
    return sorted(found, key=lambda row: row.id)


def private_settings(settings: Settings, private: bool = True) -> Settings:
    return settings.model_copy(update={"webhook_private": private})


def settings_in(folder: Path) -> Settings:
    return Settings(
        data_dir=folder / "var", photo_dir=folder / "photo_storage", webhook_private=True
    )


@contextmanager
def sending_in(database: Database, settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Sender(database, settings).run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def dribbling(greeting: bytes) -> Iterator[int]:
    """The port of a server that says `greeting` and then a byte every moment, without an end."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=talk, args=(peer,), daemon=True).start()

    def talk(peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.sendall(greeting)
            while not stop.wait(0.05):
                peer.sendall(b"x")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def soon(done: Callable[[], bool], seconds: float = SOON_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
