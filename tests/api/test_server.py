"""The API behind the real server and its real configuration, spoken to in raw bytes."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import portrait

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
PHOTO = portrait(5)
AT_ONCE, QUEUE, OTHERS = 2, 32, 4
FAKES = "tests.api.served:create()"


class Server:
    """One gunicorn worker on loopback, and what it wrote; `more` are settings of its own."""

    def __init__(
        self,
        folder: Path,
        app: str = FAKES,
        queue: int = QUEUE,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.log = folder / "log"
        environment = {name: value for name, value in os.environ.items() if name[:6] != "KENAL_"}
        environment |= {
            "KENAL_DATA_DIR": str(folder / "var"),
            "KENAL_PHOTO_DIR": str(folder / "photo_storage"),
            "KENAL_EMBEDDER": "colors",
            "KENAL_MAX_UPLOAD_MB": "1",
            "KENAL_PORT": "0",
            "KENAL_WORKERS": "1",
            "KENAL_THREADS": str(OTHERS),
            "KENAL_PHOTOS_AT_ONCE": str(AT_ONCE),
            "KENAL_QUEUE": str(queue),
            "PYTHONPATH": str(ROOT),
        }
        environment |= more or {}
        command = ["-m", "gunicorn", "--config", "gunicorn.conf.py", app]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stderr=log, stdout=log
            )
        self.port = self._port()

    def _port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def send(self, *pieces: bytes, close: bool = False) -> tuple[int, bytes]:
        """Raw bytes in, status and the rest of the answer out; `close` ends our half after them."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as raw:
            try:
                for piece in pieces:
                    raw.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The server had enough; its answer may still be there.
            if close:
                raw.shutdown(socket.SHUT_WR)
            return read_answer(raw)

    def memory_bytes(self) -> int:
        """Resident memory of the worker."""
        (child,) = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        fields = Path(f"/proc/{child}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def wait_ready(self) -> None:
        """Until photos are recognized. Nothing else is asked: the networks load without it."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False  # On a machine with much else to do, an answer may take its time.

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(40)


def read_answer(raw: socket.socket) -> tuple[int, bytes]:
    data = b""
    try:
        while b"\r\n\r\n" not in data or not ends(data):
            piece = raw.recv(65536)
            if not piece:
                break
            data += piece
    except ConnectionResetError:
        pass
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def ends(data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return length is not None and len(body) >= int(length[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    server.wait_ready()
    yield server
    assert server.stop() == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert str(server.log.parent) not in log


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def code(answer: tuple[int, bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["error"]["code"]


def test_enroll_and_recognize(server: Server) -> None:
    image = {"Content-Type": "image/png"}
    assert server.ask("POST", "/users/1042/photos", PHOTO, image)[0] in (200, 201)
    status, found = server.ask("POST", "/upload_photo", PHOTO, image)
    assert (status, found["user_id"]) == (200, "1042")
    # A body without a length, in chunks.
    status, found = server.ask("POST", "/upload_photo", iter([PHOTO[:50], PHOTO[50:]]), image)
    assert (status, found["user_id"]) == (200, "1042")


def test_a_percent_encoded_id(server: Server) -> None:
    path = "/users/%C3%85se%20%40home"
    made = server.ask("POST", f"{path}/photos", portrait(77), {"Content-Type": "image/png"})
    assert made[0] == 201
    assert server.ask("GET", path)[1]["user_id"] == "Åse @home"
    assert server.ask("GET", "/users/%2e%2e%2f%2e%2e")[1]["error"]["code"] == "not_found"


def test_errors_have_the_one_shape(server: Server) -> None:
    assert code(server.send(head("GET", "/nothing"))) == (404, "not_found")
    assert code(server.send(head("GET", "/users//x"))) == (404, "not_found")
    assert code(server.send(head("BREW", "/users"))) == (405, "method_not_allowed")
    assert code(server.send(head("POST", "/upload_photo"))) == (400, "missing_file")


def test_a_large_body_is_refused_from_its_header(server: Server) -> None:
    for kind in ("image/jpeg", "application/json", "multipart/form-data; boundary=x"):
        asked = head("POST", "/upload_photo", f"Content-Type: {kind}", "Content-Length: 5000000000")
        assert code(server.send(asked)) == (413, "too_large")


def test_endless_chunks_end(server: Server) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    before = server.memory_bytes()
    for kind in ("image/jpeg", "application/json"):
        asked = head("POST", "/upload_photo", f"Content-Type: {kind}", "Transfer-Encoding: chunked")
        status, body = server.send(asked, *([chunk] * 400))
        # The refusal may be lost where the connection is closed under our hands.
        assert status in (413, 0), body
    assert server.memory_bytes() - before < 20_000_000


def test_a_length_that_lies(server: Server) -> None:
    lines = ("Content-Type: image/png", f"Content-Length: {len(PHOTO) + 10}")
    cut = server.send(head("POST", "/upload_photo", *lines), PHOTO, close=True)
    assert code(cut) == (400, "invalid_parameter")
    for wrong in ("-1", "ten", "1, 2"):
        lines = ("Content-Type: image/png", f"Content-Length: {wrong}")
        status, _ = server.send(head("POST", "/upload_photo", *lines), PHOTO)
        assert status == 400


def test_bytes_that_are_no_http(server: Server) -> None:
    assert server.send(b"\x16\x03\x01\x02\x00\x01", close=True)[0] in (0, 400)
    assert server.send(head("GET", "/", "X: " + "y" * 100_000))[0] in (400, 431)
    assert server.send(head("GET", "/" + "y" * 5000))[0] in (400, 414)
    assert server.send(head("GET", "/", *[f"X-{i}: y" for i in range(100)]))[0] in (400, 431)


def test_a_client_that_leaves(server: Server) -> None:
    image = ("Content-Type: image/png", f"Content-Length: {len(PHOTO)}")
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(head("POST", "/users/ghost/photos", *image) + PHOTO[:50])
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.ask("GET", "/users/ghost")[0] == 404


def test_twenty_at_once(server: Server) -> None:
    server.ask("POST", "/users/1042/photos", PHOTO, {"Content-Type": "image/png"})

    def ask(_: int) -> str:
        answer = server.ask("POST", "/upload_photo", PHOTO, {"Content-Type": "image/png"})
        return str(answer[1].get("user_id"))

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(100))) == {"1042"}


def test_one_photo_posted_eight_times_at_once(server: Server) -> None:
    def post(_: int) -> tuple[int, int]:
        image = {"Content-Type": "image/png"}
        status, photo = server.ask("POST", "/users/many/photos", portrait(200), image)
        return status, photo["face_id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({face_id for _, face_id in answers}) == 1
    assert len(server.ask("GET", "/users/many/photos")[1]["photos"]) == 1
