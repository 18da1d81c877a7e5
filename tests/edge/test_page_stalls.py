"""Viewers of the live page that stall, vanish, or never mean to read."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import numpy as np
import pytest

from edge.types import Frame
from tests.edge.test_page import SETTINGS, Open, corner, opened, pictures, until, watching


@pytest.fixture
def door() -> Iterator[Open]:
    with opened() as door:
        yield door


def noisy(level: int, at: float) -> Frame:
    """A picture that takes much room as a JPEG; its lower right corner is of one gray."""
    image = np.random.default_rng(level).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    image[400:, 560:] = level
    return Frame(image, 1, at, at)


def stalling(door: Open) -> socket.socket:
    """A viewer that asks and does not read."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    reader.settimeout(30)
    reader.connect(("127.0.0.1", door.page.port))
    reader.sendall(b"GET /video_feed HTTP/1.0\r\nHost: localhost\r\n\r\n")
    return reader


def test_who_goes_at_once_leaves_no_place_taken(door: Open) -> None:
    for _ in range(12):
        gone = stalling(door)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
    until(lambda: door.page.viewers == 0)
    with watching(door) as seen:
        next(seen)


def test_a_stalled_viewer_delays_nobody_and_sees_the_newest_afterwards(door: Open) -> None:
    with closing(stalling(door)) as slow, watching(door) as seen:
        until(lambda: door.page.viewers == 2)
        for level in range(0, 120, 2):
            door.board.show(noisy(level, 1000), [])
            assert any(abs(corner(picture) - level) < 2 for picture in seen)
        door.board.show(noisy(250, 1000), [])
        received = 0

        def reads() -> Iterator[bytes]:
            nonlocal received
            while more := slow.recv(1 << 16):
                received += len(more)
                yield more

        late = 0
        for picture in pictures(reads()):
            if corner(picture) > 240:
                break
            late += 1
        assert 0 < late < 8  # of 60
        assert received < 2_000_000


def test_a_stalled_viewer_loses_its_place_and_the_others_keep_theirs(door: Open) -> None:
    with closing(stalling(door)), watching(door) as seen:
        until(lambda: door.page.viewers == 2)
        given_up = 0
        while door.page.viewers == 2:
            given_up += 1
            assert given_up < 2000, "it was never given up"
            door.clock.now += 0.25
            level = given_up % 120 * 2
            door.board.show(noisy(level, door.clock.now), [])
            assert any(abs(corner(picture) - level) < 2 for picture in seen)
        assert given_up > 40  # 10 seconds, by the clock
        door.board.show(noisy(255, door.clock.now), [])
        assert any(corner(picture) > 250 for picture in seen)


def test_who_never_reads_answers_holds_no_thread_for_good(door: Open) -> None:
    """Answers in a row that nobody reads, without asking for the video at all."""
    many = []
    for _ in range(SETTINGS.max_viewers + 6):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", door.page.port))
        reader.setblocking(False)
        ask = b"GET /static/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
        with suppress(BlockingIOError):
            while reader.send(ask):
                pass
        many.append(reader)
    answered = threading.Event()

    def asks() -> None:
        if door.get("/video_feed_page").status_code == 200:
            answered.set()

    asking = threading.Thread(target=asks)
    asking.start()

    def is_answered() -> bool:
        door.clock.now += 0.2
        return answered.is_set()

    until(is_answered)
    asking.join()
    for reader in many:
        reader.close()


def test_half_a_request_holds_nobody_up(door: Open) -> None:
    halves = [socket.create_connection(("127.0.0.1", door.page.port)) for _ in range(30)]
    for half in halves:
        half.sendall(b"GET /video_feed_page HTTP/1.1\r\nHost: local")
    assert door.get("/video_feed_page").status_code == 200
    for half in halves:
        half.close()
