"""Kept connections that are idle: they stay for whoever polls, and hold nobody up."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.api.test_server import AT_ONCE, FAKES, OTHERS, QUEUE, Server, head, read_answer
from tests.faults.hostile_kit import answers, connections, is_closed, worker_of

ASK = head("GET", "/healthz")
LARGE = head("GET", "/healthz", *[f"X-{number}: {'y' * 7000}" for number in range(60)])
FREE = 10
"""Places beside one for each thread: as many connections may be idle."""
PLACES = AT_ONCE + QUEUE + OTHERS + 2 + FREE
STOPPED_SECONDS = 10.0
"""For so long who sends no head is waited for otherwise, and two seconds more."""
TRIES = 3
"""A busy machine may take longer by itself, but hardly each time."""


@contextmanager
def started(folder: Path, *options: str) -> Iterator[Server]:
    """A server with these options of gunicorn's over those that are configured."""
    server = Server(folder, FAKES, more={"GUNICORN_CMD_ARGS": " ".join(options)})
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started(tmp_path_factory.mktemp("idle")) as server:
        yield server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A worker with few places."""
    folder = tmp_path_factory.mktemp("small")
    with started(folder, f"--worker-connections {PLACES}") as server:
        yield server


@contextmanager
def idle(server: Server, count: int, ask: bytes = ASK) -> Iterator[list[socket.socket]]:
    """Clients that were answered and stay, each after the one before."""
    with ExitStack() as stack:
        clients: list[socket.socket] = []
        for _ in range(count):
            clients.append(stack.enter_context(closing(connected(server))))
            assert answered(clients[-1], ask)
        yield clients


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answered(raw: socket.socket, ask: bytes = ASK) -> bool:
    raw.settimeout(20)
    raw.sendall(ask)
    return read_answer(raw)[0] == 200


@pytest.mark.slow
def test_who_polls_keeps_the_connection(server: Server) -> None:
    with idle(server, 30) as pollers:
        for seconds in (5.0, 5.0, 6.0):
            time.sleep(seconds)
            assert all(answered(raw) for raw in pollers)


def test_newcomers_are_served_where_all_places_are_taken(small: Server) -> None:
    with idle(small, FREE) as kept, connections(small, PLACES - FREE + 3, b"") as silent:
        for _ in range(5):
            assert answers(small)
        # They wait for nobody's time to be over.
        assert not any(is_closed(raw) for raw in silent)
        left = [not is_closed(raw) for raw in kept]
        # Those idle longest made room, and no more of them than had to.
        assert left == sorted(left)
        assert not left[0]
        assert answered(kept[-1])


def test_who_cannot_be_kept_is_told_so(small: Server) -> None:
    with connections(small, PLACES - 1, b""), closing(connected(small)) as raw:
        raw.sendall(ASK)
        assert b"\r\nconnection: close\r\n" in raw.recv(65536).lower()


@pytest.mark.parametrize("size", [0, 60_000, 70_000, 900_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_refused_body_costs_the_next_request_nothing(
    server: Server, size: int, chunked: bool
) -> None:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    chunk = b"%x\r\n%b\r\n" % (size, bytes(size)) if size else b""
    body = chunk + b"0\r\n\r\n" if chunked else bytes(size)
    with closing(connected(server)) as raw:
        raw.sendall(head("POST", "/nowhere", "Content-Type: image/png", framing) + body)
        told = b"connection: close" in raw.recv(100, socket.MSG_PEEK | socket.MSG_WAITALL).lower()
        assert read_answer(raw)[0] == 404
        assert told or answered(raw)
        # Whose body is read away keeps the connection.
        assert told == (chunked or size > 64_000)


def test_a_body_that_was_read_keeps_the_connection(server: Server) -> None:
    ask = head("POST", "/upload_photo", "Content-Type: image/png", "Transfer-Encoding: chunked")
    with closing(connected(server)) as raw:
        for size in (100, 70_000, 900_000):
            raw.sendall(ask + b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size)))
            assert read_answer(raw)[0] == 415
        assert answered(raw)


def test_idle_connections_remember_no_request(server: Server) -> None:
    with idle(server, 1, LARGE):
        before = server.memory_bytes()
        with idle(server, 60, LARGE):
            assert server.memory_bytes() - before < 10_000_000


def stopped(folder: Path, clients: Callable[[Server], AbstractContextManager[object]]) -> float:
    """The seconds of a stop with these clients."""
    server = Server(folder)
    server.wait_ready()
    with clients(server):
        assert answers(server)
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(60) == 0
        return time.monotonic() - began


@contextmanager
def silent(server: Server) -> Iterator[None]:
    with connections(server, 20, b""), connections(server, 20, ASK[:-1]):
        yield


@pytest.mark.parametrize("clients", [partial(idle, count=50), silent])
def test_a_stop_waits_for_nobody_who_asks_nothing(
    tmp_path: Path, clients: Callable[[Server], AbstractContextManager[object]]
) -> None:
    assert any(stopped(tmp_path, clients) < STOPPED_SECONDS for _ in range(TRIES))


def test_a_worker_that_is_replaced_waits_for_nobody_who_is_idle(server: Server) -> None:
    def replaced() -> float:
        with idle(server, 50):
            old, began = worker_of(server), time.monotonic()
            server.process.send_signal(signal.SIGHUP)
            while old.exists():
                time.sleep(0.05)
            taken = time.monotonic() - began
        server.wait_ready()
        return taken

    assert any(replaced() < STOPPED_SECONDS for _ in range(TRIES))
