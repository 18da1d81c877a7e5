"""What every answer of the live page has, what is not served, and its start and end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from edge.page.server import Page
from tests.edge.test_page import SETTINGS, Open, all_well, opened, plain


@pytest.fixture
def door() -> Iterator[Open]:
    with opened() as door:
        yield door


def test_every_answer_is_sealed(door: Open) -> None:
    for path in ("/", "/video_feed_page", "/static/page.js", "/status.json", "/nowhere"):
        headers = door.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert "Server" not in headers
    with door.client() as client, client.stream("GET", "/video_feed") as answer:
        assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


def test_nothing_but_the_page_is_served(door: Open) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/app.py"):
        reader = socket.create_connection(("127.0.0.1", door.page.port))
        reader.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert reader.recv(12).split()[1] in (b"404", b"308"), path
        reader.close()


def test_stopping_ends_streams_and_frees_the_port() -> None:
    with opened() as door:
        door.board.show(plain(10, 1000), [])
        with door.client() as client, client.stream("GET", "/video_feed") as answer:
            parts = answer.iter_bytes()
            next(parts)
            door.page.stop()
            with suppress(httpx.HTTPError):  # it may be cut in the middle of a part
                for _ in parts:
                    pass
        names = [thread.name for thread in threading.enumerate()]
        assert "edge-page" not in names
        again = Page(replace(SETTINGS, port=door.page.port), door.board, all_well)
        again.start()
        again.stop()


def test_a_port_that_is_taken_is_said(door: Open) -> None:
    other = Page(replace(SETTINGS, port=door.page.port), door.board, all_well)
    with pytest.raises(OSError, match=f"port {door.page.port}"):
        other.start()
