"""When a request is there, and how long its other end may take."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.serving import paced_socket
from core.serving.arrival import Arrival
from core.serving.paced_socket import PacedSocket

MOST = 1_000_000
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n%b\r\n"


def arrived(*pieces: bytes) -> Arrival:
    arrival = Arrival(b"", MOST)
    for piece in pieces:
        arrival.add(piece)
    return arrival


def head(*lines: bytes) -> bytes:
    return HEAD % b"".join(line + b"\r\n" for line in lines)


def test_a_head_is_waited_for_byte_by_byte() -> None:
    text = head()
    arrival = Arrival(b"", MOST)
    for at in range(len(text)):
        assert not arrival.is_enough
        arrival.add(text[at : at + 1])
    assert arrival.is_enough
    assert arrival.is_whole


@pytest.mark.parametrize(
    "name", [b"Content-Length: 5", b"content-length:5", b"CONTENT-LENGTH: \t5 "]
)
def test_a_small_body_is_waited_for(name: bytes) -> None:
    assert not arrived(head(name)).is_enough
    assert not arrived(head(name), b"1234").is_enough
    assert arrived(head(name), b"12345").is_whole
    assert arrived(head(name), b"12345GET / HTTP").is_whole


def test_of_a_large_body_the_beginning() -> None:
    large = head(b"Content-Length: 500000")
    assert not arrived(large, bytes(60_000)).is_enough
    assert arrived(large, bytes(65_000)).is_enough
    assert not arrived(large, bytes(65_000)).is_whole


@pytest.mark.parametrize(
    "line",
    [
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue\r\nContent-Length: 9",
        b"Content-Length: 5000000000",
        b"Content-Length: " + b"0" * 20 + b"9",
        b"Content-Length: +9",
    ],
)
def test_what_the_application_must_see_first(line: bytes) -> None:
    arrival = arrived(head(line))
    assert arrival.is_enough
    assert not arrival.is_whole


def test_no_end_of_a_head_is_for_the_parser_to_refuse() -> None:
    arrival = arrived(b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000)
    assert arrival.is_enough
    assert not arrival.is_whole
    # A length that is none is the parser's as well.
    assert arrived(head(b"Content-Length: ten")).is_enough


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PacedSocket, socket.socket]]:
    """Ours, in a hurry, and theirs."""
    monkeypatch.setattr(paced_socket, "_GRACE_SECONDS", 0.5)
    plain, theirs = socket.socketpair()
    ours = PacedSocket.of(plain)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_who_is_too_slow_has_left(ends: tuple[PacedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.begin()
    theirs.sendall(b"a")
    assert ours.recv(10) == b"a"
    assert ours.recv(10) == b""
    # Also what comes later: it must not be taken for the next request.
    theirs.sendall(b"b")
    assert ours.recv(10) == b""
    assert ours.gettimeout() is None


def test_a_timeout_of_the_servers_own_is_one(ends: tuple[PacedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.begin()
    ours.settimeout(0.01)
    with pytest.raises(TimeoutError):
        ours.recv(10)
    theirs.sendall(b"a")
    ours.settimeout(None)
    assert ours.recv(10) == b"a"


def received(theirs: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += theirs.recv(65536)
    return data


def test_what_is_not_taken_waits(ends: tuple[PacedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.settimeout(5)
    ours.sendall(b"short")
    answer = bytes(range(256)) * 4000
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.sendall(answer)
    ours.sendall(b"end")
    assert ours.taken_by > time.monotonic()
    data = b""
    while len(data) < len(answer):
        data += theirs.recv(65536)
        ours.flush()
    assert not ours.is_waiting
    data += received(theirs, len(answer) + 8 - len(data))
    assert data == b"short" + answer + b"end"


def test_of_much_only_the_last_part_waits(ends: tuple[PacedSocket, socket.socket]) -> None:
    ours, theirs = ends
    answer = bytes(range(256)) * 12_000
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(received, theirs, len(answer) - 2_000_000)
        ours.sendall(answer)
        assert ours.is_waiting
        assert answer.startswith(taken.result())


def test_who_takes_nothing_of_much(
    ends: tuple[PacedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = ends
    monkeypatch.setattr(paced_socket, "_MOST_WAITING_BYTES", 50_000)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(TimeoutError):
        ours.sendall(bytes(100_000))
    assert not ours.is_waiting
    assert ours.gettimeout() is None


def test_who_left_leaves_nothing_waiting(ends: tuple[PacedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.sendall(bytes(1_000_000))
    assert ours.is_waiting
    theirs.close()
    with pytest.raises(BrokenPipeError):
        ours.flush()
    assert not ours.is_waiting
