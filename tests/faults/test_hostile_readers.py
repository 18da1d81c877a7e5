"""Clients that do not take their answers, do not close, or keep what comes after a refusal."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.api.test_server import Server, head, read_answer
from tests.faults.hostile_kit import (
    APP,
    IMAGE,
    PHOTO,
    answers,
    connections,
    descriptors,
    eventually,
    is_closed,
    post,
    recognizes,
    serving,
)

SLOW = 200
ASKED = 6
LET_GO_SECONDS = 120.0
"""The page may be taken for 48 s, from when the last of these clients got its turn."""
PAGE = "/docs/swagger-ui-bundle.js"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("readers")) as server:
        yield server


def deaf(server: Server) -> socket.socket:
    """A client that asks for much, and takes next to nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(20)
    raw.connect(("127.0.0.1", server.port))
    raw.sendall(head("GET", PAGE) * ASKED)
    return raw


@pytest.mark.slow
def test_clients_that_take_no_answer_hold_nobody_up(server: Server) -> None:
    before = descriptors(server)
    with ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(closing(deaf(server)))
        for _ in range(5):
            assert answers(server)
        assert recognizes(server)
        assert descriptors(server) > SLOW
        eventually(lambda: descriptors(server) <= before + 10, "deaf clients stay", LET_GO_SECONDS)


def test_a_slow_reader_gets_all_of_its_answer(server: Server) -> None:
    whole = server.send(head("GET", PAGE))[1]
    assert len(whole) > 1_000_000
    with closing(deaf(server)) as raw:
        raw.sendall(head("GET", PAGE) + head("GET", "/healthz", "Connection: close"))
        data = b""
        while piece := raw.recv(65536):
            data += piece
    assert data.count(whole) == ASKED + 1
    assert data.endswith(b'"}\n')


@pytest.mark.slow
def test_lengths_of_many_zeros_hold_nobody_up(server: Server) -> None:
    length = "Content-Length: " + "0" * 20 + "900"
    with connections(server, SLOW, post("Content-Type: image/png", length)) as slow:
        for _ in range(5):
            assert answers(server)
        eventually(lambda: all(is_closed(raw) for raw in slow), "slow clients stay")


def test_one_connection_for_all_kinds_of_requests(server: Server) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as kept:
        for size in (*range(63_700, 64_300, 37), 65_535, 65_536, 65_537, 131_072):
            for body in (bytes(size), iter([bytes(1000), bytes(size - 1000)])):
                kept.request("POST", "/upload_photo", body, IMAGE)
                answer = kept.getresponse()
                assert (answer.status, b"unsupported_image" in answer.read()) == (415, True)
            kept.request("HEAD", "/healthz")
            assert kept.getresponse().read() == b""
        kept.request("POST", "/upload_photo", PHOTO, IMAGE)
        assert b"1042" in kept.getresponse().read()


def test_nothing_after_a_malformed_body_is_a_request(server: Server) -> None:
    chunked = post("Content-Type: image/png", "Transfer-Encoding: chunked")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(chunked + b"zz\r\n" + head("GET", "/healthz"))
        data = b""
        while piece := raw.recv(65536):
            data += piece
    assert data.count(b"HTTP/1.1 ") == 1
    assert data.startswith(b"HTTP/1.1 400")


def test_a_photo_that_waits_to_be_asked_for(server: Server) -> None:
    asked = post("Content-Type: image/png", f"Content-Length: {len(PHOTO)}", "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        for _ in range(2):
            raw.sendall(asked)
            assert raw.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            raw.sendall(PHOTO)
            assert b"1042" in read_answer(raw)[1]


@pytest.mark.slow
def test_a_stop_gives_every_answer_though_nobody_closes(tmp_path: Path) -> None:
    server = Server(tmp_path, APP)
    server.wait_ready()
    count = 80
    ask = post("Content-Type: image/png", f"Content-Length: {len(PHOTO)}")
    with connections(server, count, ask + PHOTO[:50]) as clients:
        eventually(lambda: descriptors(server) > count, "not all are there")
        server.process.terminate()
        eventually(lambda: "Handling signal: term" in server.log.read_text(), "no stop")
        for raw in clients:
            raw.sendall(PHOTO[50:])
        assert [read_answer(raw)[0] for raw in clients] == [200] * count
        # None of them closes its end. A worker that waits for each in turn is killed.
        assert server.process.wait(60) == 0
    assert "Worker exiting" in server.log.read_text()
