"""Clients that are slow, lie, leave or send nonsense, against the server as it is started."""

import json
import socket
import struct
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.test_server import AT_ONCE, OTHERS, QUEUE, Server, code, head
from tests.fakes import portrait
from tests.faults.hostile_kit import (
    APP,
    TYPES,
    answers,
    connections,
    descriptors,
    drip,
    eventually,
    is_closed,
    open_files,
    post,
    threads,
)

PHOTO = portrait(5)
SLOW = 200
IMAGE = {"Content-Type": "image/png"}
PIECE = bytes(0x10000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hostile"), APP, more={"KENAL_LOG_LEVEL": "DEBUG"})
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
    return server.ask("POST", "/upload_photo", PHOTO, IMAGE)[1].get("user_id") == "1042"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("beginning", "byte"),
    [
        (b"GET /healthz HTTP/1.1\r\nX-Slow: ", b"x"),
        (post("Content-Type: image/png", "Content-Length: 900000"), b"x"),
        (post("Content-Type: image/png", "Content-Length: 900000") + PIECE, b"x"),
        (post("Content-Type: image/png", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
        (post("Content-Type: image/png", "Content-Length: 9", "Expect: 100-continue"), b""),
        (b"", b""),
    ],
    ids=["header", "body", "large-body", "chunks", "expects", "silent"],
)
def test_slow_clients_hold_nobody_up_and_are_let_go(
    server: Server, beginning: bytes, byte: bytes
) -> None:
    # Many more than there are threads, or this test would prove nothing.
    assert SLOW > 2 * (AT_ONCE + QUEUE + OTHERS)
    with connections(server, SLOW, beginning) as slow:
        for _ in range(5):
            assert answers(server)
        assert not all(is_closed(raw) for raw in slow)
        drip(slow, byte, lambda: all(is_closed(raw) for raw in slow), "slow clients stay")
    eventually(lambda: recognizes(server), "photos are not recognized again")


@pytest.mark.slow
def test_a_photo_that_comes_fast_passes_the_slow_ones(server: Server) -> None:
    with connections(server, SLOW, post("Content-Type: image/png", "Content-Length: 900000")):
        assert recognizes(server)
        assert answers(server)


def test_five_gigabytes_cost_nothing(server: Server) -> None:
    before = server.memory_bytes()
    for kind in TYPES:
        asked = post(f"Content-Type: {kind}", "Content-Length: 5000000000")
        # Where it is closed under our hands, the answer may be lost.
        status, body = server.send(asked, *([PIECE] * 100))
        assert status in (413, 0), body
        chunk = b"10000\r\n" + PIECE + b"\r\n"
        status, body = server.send(
            post(f"Content-Type: {kind}", "Transfer-Encoding: chunked"), *([chunk] * 800)
        )
        assert status in (413, 0), body
    assert server.memory_bytes() - before < 20_000_000
    assert not [name for name in open_files(server) if name.startswith(tempfile.gettempdir() + "/")]
    assert recognizes(server)


def test_chunks_that_lie(server: Server) -> None:
    chunked = post("Content-Type: image/png", "Transfer-Encoding: chunked")
    for body in (b"zz\r\n", b"-5\r\n", b"5\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n", b"F" * 9000):
        status, _ = server.send(chunked, body, close=True)
        assert status in (400, 0), body
    both = post("Content-Type: image/png", "Transfer-Encoding: chunked", "Content-Length: 4")
    assert server.send(both, b"0\r\n\r\n", close=True)[0] == 400
    twice = post("Content-Type: image/png", "Content-Length: 4", "Content-Length: 5")
    assert server.send(twice, b"abcd", close=True)[0] == 400


def sent(server: Server, kind: str | None, body: bytes, path: str = "/upload_photo") -> str:
    lines = [f"Content-Length: {len(body)}"] + ([f"Content-Type: {kind}"] if kind else [])
    status, answer = server.send(head("POST", path, *lines), body)
    assert 400 <= status < 500, answer
    return code((status, answer))[1]


def form(*parts: bytes) -> bytes:
    return b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"


FILE = b'Content-Disposition: form-data; name="photo"; filename="x.png"\r\n\r\n' + PHOTO


def field(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def test_nonsense_is_refused_in_the_one_shape(server: Server) -> None:
    _, _, edge = TYPES
    deep = b"[" * 100_000 + b"]" * 100_000
    for text in (b"{", b"\xff\xfe", b"nul", b'{"photo": 1} x', deep, b'{"a":' * 50_000, b"1e999"):
        assert sent(server, "application/json", text) == "bad_json", text[:20]
    many = form(*[field(f"f{number}", "1") for number in range(10_000)])
    assert sent(server, edge, many) in ("too_large", "invalid_parameter")
    assert sent(server, "multipart/form-data", form(FILE)) in ("invalid_parameter", "missing_file")
    assert sent(server, edge, form(FILE)[:-20]) == "invalid_parameter"
    assert sent(server, edge, b"") == "missing_file"
    assert sent(server, "text/html", PHOTO) == "unsupported_media_type"
    assert sent(server, None, PHOTO) == "unsupported_media_type"
    assert recognizes(server)


def test_what_is_given_twice_is_refused(server: Server) -> None:
    _, _, edge = TYPES
    twice = form(FILE, field("limit", "1"), field("limit", "2"))
    assert sent(server, edge, twice) == "invalid_parameter"
    assert sent(server, edge, form(FILE, FILE)) == "invalid_parameter"
    assert sent(server, "image/png", PHOTO, "/upload_photo?limit=1&limit=2") == "invalid_parameter"
    doubled = b'{"user_id": "1", "user_id": "2"}'
    assert sent(server, "application/json", doubled, "/users") in ("bad_json", "invalid_parameter")


def test_a_megabyte_of_headers(server: Server) -> None:
    line = "X-Long: " + "y" * 8000
    for lines in (["X-Long: " + "y" * 1_000_000], [line] * 130, ["X: " + "y" * 60_000]):
        status, _ = server.send(head("GET", "/healthz", *lines))
        # The refusal may be lost where the connection is closed under our hands.
        assert status in (400, 431, 0)
    assert answers(server)


def test_clients_that_leave_leave_nothing(server: Server) -> None:
    length = f"Content-Length: {len(PHOTO)}"
    half = head("POST", "/users/ghost/photos", "Content-Type: image/png", length) + PHOTO[:50]
    whole = post("Content-Type: image/png", length) + PHOTO
    page = head("GET", "/users?limit=500")
    eventually(lambda: recognizes(server), "the server is busy")
    before = descriptors(server), threads(server)
    for beginning in (half, whole, page, half[:40], b"GET"):
        for abruptly in (False, True):
            for _ in range(20):
                leave(server, beginning, abruptly)
    assert server.ask("GET", "/users/ghost")[0] == 404
    assert server.ask("GET", "/photos?status=pending")[1]["photos"] == []
    # Connections to the database are kept, a few.
    eventually(lambda: descriptors(server) <= before[0] + 10, "descriptors leak")
    assert threads(server) <= before[1]
    assert recognizes(server)


def leave(server: Server, beginning: bytes, abruptly: bool) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        if abruptly:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.sendall(beginning)


def bomb(side: int) -> bytes:
    """A PNG of very many pixels in very few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.slow
def test_bombs_beside_others(server: Server) -> None:
    before = server.memory_bytes()
    photo = bomb(24_000)
    assert len(photo) < 200_000

    def drop(_: int) -> tuple[int, str]:
        status, answer = server.ask("POST", "/upload_photo", photo, IMAGE)
        return status, answer["error"]["code"]

    with ThreadPoolExecutor(30) as pool:
        dropped = [pool.submit(drop, number) for number in range(30)]
        for _ in range(5):
            assert answers(server)
        assert {one.result() for one in dropped} == {(413, "image_too_large")}
    assert server.memory_bytes() - before < 100_000_000
    assert recognizes(server)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../core/settings.py",
        "/static/%2e%2e/wsgi.py",
        "/../../etc/passwd",
        "/console",
        "/?__debugger__=yes&cmd=resource&f=debugger.js",
        "/.env",
        "/docs/..%2f..%2fwsgi.py",
        "//healthz",
    ],
)
def test_nothing_is_served_but_the_api(server: Server, path: str) -> None:
    status, body = server.send(head("GET", path))
    assert status in (400, 404)
    assert b"import" not in body
    json.loads(body)


@pytest.mark.parametrize("verb", ["TRACE", "CONNECT", "PROPFIND", "PUT", "BREW"])
def test_verbs_that_nobody_takes(server: Server, verb: str) -> None:
    path = "localhost:80" if verb == "CONNECT" else "/upload_photo"
    assert server.send(head(verb, path))[0] in (400, 404, 405)


def test_the_log_is_of_one_line_each_and_holds_no_word_of_theirs(server: Server) -> None:
    marks = ("Forged", "secret-file", "stolen-name")
    fake = "%0d%0a2026-01-01T00:00:00.000+00:00%20ERROR%20Forged"
    server.ask("GET", f"/users/stolen-name{fake}?cursor=Forged{fake}")
    server.ask("GET", "/healthz", headers={"X-Request-ID": "Forged it", "User-Agent": "Forged"})
    disposition = FILE.replace(b"x.png", b"secret-file.png")
    edge = {"Content-Type": TYPES[2]}
    server.ask("POST", "/upload_photo?limit=Forged", form(disposition), edge)
    server.ask("POST", "/upload_photo", form(disposition), edge)
    log = server.log.read_text()
    assert [mark for mark in marks if mark in log] == []
    assert "rule=/users/{user_id}" in log


def test_a_server_after_all_this_is_as_before(server: Server) -> None:
    assert recognizes(server)
    status, ready = server.ask("GET", "/readyz")
    assert status == 200
    assert ready["checks"]["queue"]["waiting"] == 0
    assert Path(server.log).read_text().count("Booting worker") == 1
