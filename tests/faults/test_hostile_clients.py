"""Clients that are slow, send without an end, or leave, against the server as it is started."""

import socket
import struct
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.test_server import AT_ONCE, OTHERS, QUEUE, Server, head
from tests.faults.hostile_kit import (
    IMAGE,
    PHOTO,
    TYPES,
    answers,
    connections,
    descriptors,
    drip,
    eventually,
    is_closed,
    open_files,
    post,
    recognizes,
    serving,
    threads,
)

SLOW = 200
PIECE = bytes(0x10000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hostile")) as server:
        yield server


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
    own = str(server.log.parent)
    elsewhere = [name for name in open_files(server) if not name.startswith(own)]
    assert [name for name in elsewhere if name.startswith(tempfile.gettempdir())] == []
    assert recognizes(server)


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
    # Eight connections to the database are kept, of up to three files each; two hundred clients
    # have left.
    eventually(lambda: descriptors(server) <= before[0] + 30, "descriptors leak")
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


def test_a_server_after_all_this_is_as_before(server: Server) -> None:
    assert recognizes(server)
    status, ready = server.ask("GET", "/readyz")
    assert status == 200
    assert ready["checks"]["queue"]["waiting"] == 0
    assert Path(server.log).read_text().count("Booting worker") == 1
