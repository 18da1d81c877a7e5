"""A real server that logs what it is asked, and clients that mean it no good."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask

from core.logs import configure_logging
from core.settings import load_settings
from tests.api import served
from tests.api.test_server import Server, head
from tests.fakes import portrait

APP = "tests.faults.hostile_kit:create()"
RECOVERED_SECONDS = 60.0
PHOTO = portrait(5)
IMAGE = {"Content-Type": "image/png"}
TYPES = ("image/png", "application/json", "multipart/form-data; boundary=edge")


def create() -> Flask:
    """The application on fake networks, with the log of a real start."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    return served.create()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server that knows PHOTO; afterwards, nothing was broken, and nothing is in its log."""
    server = Server(folder, APP, more={"KENAL_LOG_LEVEL": "DEBUG"})
    server.wait_ready()
    # Every thread has worked once, and the photo is known: what is more later, leaked.
    server.ask("POST", "/users/1042/photos", PHOTO, IMAGE)
    with ThreadPoolExecutor(60) as pool:
        list(pool.map(lambda _: server.ask("POST", "/upload_photo", PHOTO, IMAGE), range(200)))
    yield server
    assert server.stop() == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "internal" not in log
    assert str(server.log.parent) not in log


def recognizes(server: Server) -> bool:
    return bool(server.ask("POST", "/upload_photo", PHOTO, IMAGE)[1].get("user_id") == "1042")


def post(*lines: str) -> bytes:
    """The head of a posted photo."""
    return head("POST", "/upload_photo", *lines)


def worker_of(server: Server) -> Path:
    """The /proc folder of the one worker."""
    first = server.process.pid
    (child,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return Path("/proc") / child


def descriptors(server: Server) -> int:
    return len(os.listdir(worker_of(server) / "fd"))


def open_files(server: Server) -> set[str]:
    """The files that the worker has open, deleted ones too."""
    found = set()
    for number in (worker_of(server) / "fd").iterdir():
        try:
            found.add(str(number.readlink()))
        except OSError:
            continue
    return found


def threads(server: Server) -> int:
    return len(os.listdir(worker_of(server) / "task"))


def eventually(is_so: Callable[[], bool], what: str, within: float = RECOVERED_SECONDS) -> None:
    """Until it is so, within the time that Kenal has to recover."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@contextmanager
def connections(server: Server, count: int, beginning: bytes) -> Iterator[list[socket.socket]]:
    """Clients that have sent `beginning` and are still there."""
    made = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(count)]
    try:
        for raw in made:
            raw.sendall(beginning)
        yield made
    finally:
        for raw in made:
            raw.close()


def is_closed(raw: socket.socket) -> bool:
    """Whether the server has let go of this client; what it said before does not matter."""
    raw.setblocking(False)
    try:
        while raw.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def drip(clients: list[socket.socket], byte: bytes, until: Callable[[], bool], what: str) -> None:
    """Each client sends a byte now and then, until it is so."""
    deadline = time.monotonic() + RECOVERED_SECONDS
    while not until():
        assert time.monotonic() < deadline, what
        for raw in clients:
            try:
                raw.send(byte)
            except OSError:
                continue
        time.sleep(0.5)


def answers(server: Server) -> bool:
    """Whether the server answers, on a connection of its own."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as raw:
        raw.sendall(head("GET", "/healthz", "Connection: close"))
        return raw.recv(12) == b"HTTP/1.1 200"
