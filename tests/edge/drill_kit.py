"""A door's processes for drills: an agent that may be killed, and a line that loses answers."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.checkin_kit import DOOR
from tests.fakes import portrait
from tests.served_kit import ROOT, Served

PEOPLE = range(1, 6)
SOON_SECONDS = 150.0


class Agent:
    """A process of `agent_driver` on one queue; may be killed and started again."""

    driver = "tests.edge.agent_driver"

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: text for name, text in os.environ.items() if name[:5] != "EDGE_"},
            "EDGE_SERVER_URL": url,
            "EDGE_SERVER_KEY": key,
            "EDGE_SERVER_DEVICE_ID": DOOR,
            "EDGE_OUTBOX_FOLDER": str(folder / "edge-data"),
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.driver],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def see(self, person: int, age_seconds: float = 0.0) -> str:
        """Somebody stands there, or stood there; the event_id, when it is kept."""
        self.shout(person, age_seconds)
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def shout(self, person: int, age_seconds: float = 0.0) -> None:
        """The same, without waiting until it is kept."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{age_seconds} {person}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    @property
    def openings(self) -> int:
        opened = self.folder / "opened"
        return len(opened.read_text().splitlines()) if opened.exists() else 0

    @property
    def waiting(self) -> int:
        """How many events the server has not answered for."""
        with closing(sqlite3.connect(self.folder / "edge-data" / "outbox.sqlite3")) as queue:
            return int(queue.execute("SELECT COUNT(*) FROM events").fetchone()[0])

    @property
    def disk_bytes(self) -> int:
        """What the queue takes on the disk, its log too."""
        return folder_bytes(self.folder / "edge-data")


def folder_bytes(folder: Path) -> int:
    """The size of the files in it."""
    return sum(place.stat().st_size for place in folder.iterdir())


def rows(server: Served) -> list[dict[str, Any]]:
    """What was recorded, in that order."""
    with closing(sqlite3.connect(server.folder / "var" / "kenal.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM checkins ORDER BY id")]


def recorded(server: Served) -> int:
    """How many check-ins there are."""
    with closing(sqlite3.connect(server.folder / "var" / "kenal.sqlite3")) as database:
        return int(database.execute("SELECT COUNT(*) FROM checkins").fetchone()[0])


def until(holds: Callable[[], bool], seconds: float = SOON_SECONDS) -> None:
    """Waits for it, or fails."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def with_a_door(server: Served) -> str:
    """A server that asks for keys and knows five people and a door; the door's key."""
    for person in PEOPLE:
        photo = {"photo": portrait(person)}
        assert httpx.post(f"{server.url}/users/p{person}/photos", files=photo).status_code == 201
    said = {"device_id": DOOR, "name": "Door", "direction": "in"}
    key = str(httpx.post(f"{server.url}/devices", json=said).json()["key"])
    server.stop()
    server.settings = {"KENAL_AUTH": "required"}
    server.start()
    return key


class _Line(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, to: str, loses: Callable[[int], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.to, self.loses = to, loses
        self.check_ins = self.lost = 0
        self.counting = threading.Lock()

    def is_lost(self) -> bool:
        with self.counting:
            self.check_ins += 1
            is_lost = self.loses(self.check_ins)
            self.lost += is_lost
        return is_lost

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An agent that is killed hangs up."""


class _Passing(BaseHTTPRequestHandler):
    server: _Line

    def do_GET(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        self._pass(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass(self, body: bytes) -> None:
        said = {name: text for name, text in self.headers.items() if name.lower() != "host"}
        answer = httpx.request(
            self.command, self.server.to + self.path, content=body, headers=said, timeout=30
        )
        if self.path == "/checkins" and self.command == "POST" and self.server.is_lost():
            return  # the server has committed; the line breaks
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def lossy_line(to: str, loses: Callable[[int], bool]) -> Iterator[_Line]:
    """Passes everything on to a server; the answers to these check-ins (1, 2, …) are lost."""
    line = _Line(to, loses)
    thread = threading.Thread(target=line.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield line
    finally:
        line.shutdown()
        line.server_close()
        thread.join()
