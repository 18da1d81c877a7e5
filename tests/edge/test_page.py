"""The live page over real HTTP: what it shows, and to how many. Also what its other tests use."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from edge.board import Board, Happening, Kind, Label
from edge.page.drawing import GREEN
from edge.page.server import Page
from edge.page.types import Capture, StatusRow
from edge.sections import PageSettings
from edge.types import Face, Frame, Pixels, Track
from tests.edge.agent_kit import FACE, Clock

pytest.importorskip("waitress", reason="the live page's server is not here: requirements-page.txt")

BOX = (200.0, 150.0, 120.0, 160.0)
SETTINGS = PageSettings(enabled=True, port=0, max_rate=30)
ZOE = Label(Kind.KNOWN, "Zoë Ünal", 0.71)


def track(number: int = 1, box: tuple[float, float, float, float] = BOX) -> Track:
    return Track(number, Face(box, FACE.landmarks, 0.9), 5, 0.0)


def plain(level: int, at: float, size: tuple[int, int] = (480, 640)) -> Frame:
    """A picture of one gray, taken at `at`."""
    return Frame(np.full((*size, 3), level, np.uint8), 1, 1_700_000_000 + at, at)


def all_well() -> list[StatusRow]:
    return [StatusRow("Camera", "ok"), StatusRow("Server", "cannot be reached", True)]


class Open:
    """A page that listens, its board, and the clock that both go by."""

    def __init__(self, page: Page, board: Board, clock: Clock) -> None:
        self.page, self.board, self.clock = page, board, clock
        self.origin = f"http://127.0.0.1:{page.port}"

    def client(self, password: str = "") -> httpx.Client:
        auth = ("whoever", password) if password else None
        return httpx.Client(base_url=self.origin, auth=auth, timeout=30)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        with self.client() as client:
            return client.get(path, headers=headers)

    def told(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/status.json").json()
        return answer


@contextmanager
def opened(
    settings: PageSettings = SETTINGS,
    capture: Capture | None = None,
    status: Callable[[], list[StatusRow]] = all_well,
) -> Iterator[Open]:
    clock = Clock()
    board = Board(clock)
    page = Page(settings, board, status, capture, clock)
    page.start()
    try:
        yield Open(page, board, clock)
    finally:
        page.stop()


@pytest.fixture
def door() -> Iterator[Open]:
    with opened() as door:
        yield door


def pictures(stream: Iterator[bytes]) -> Iterator[Pixels]:
    """The decoded parts of a multipart stream."""
    read = b""
    for more in stream:
        read += more
        while b"\r\n\r\n" in read:
            head, rest = read.split(b"\r\n\r\n", 1)
            if b"Content-Length: " not in head:  # the answer's own head, on a raw connection
                read = rest
                continue
            length = int(head.rsplit(b"Content-Length: ", 1)[1])
            if len(rest) < length:
                break
            yield decoded(rest[:length])
            read = rest[length:]


def decoded(jpeg: bytes) -> Pixels:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


@contextmanager
def watching(door: Open, path: str = "/video_feed") -> Iterator[Iterator[Pixels]]:
    with door.client() as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200
        yield pictures(answer.iter_bytes())


def until(is_so: Callable[[], bool]) -> None:
    """Waits for it; fails when it does not come."""
    given_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < given_up, "it did not come"
        threading.Event().wait(0.02)


def corner(picture: Pixels) -> float:
    return float(picture[430:450, 590:610].mean())


def near(pixel: Pixels, color: tuple[int, int, int]) -> bool:
    """Whether it is that color, but for what JPEG does."""
    return bool(np.abs(pixel.astype(int) - np.array(color)).max() < 40)


def test_the_stream_has_boxes_in_it(door: Open) -> None:
    door.board.label(1, ZOE)
    door.board.show(plain(128, 1000), [track()])
    with watching(door) as seen:
        picture = next(seen)
    assert picture.shape == (480, 640, 3)
    assert near(picture[230, 200], GREEN)
    assert near(picture[230, 320], GREEN)
    assert near(picture[310, 260], GREEN)
    assert near(picture[230, 260], (128, 128, 128))


def test_the_frame_is_left_as_it_was(door: Open) -> None:
    frame = plain(128, 1000)
    door.board.show(frame, [track()])
    with watching(door) as seen:
        next(seen)
    assert (frame.image == 128).all()


def test_the_newest_picture_comes(door: Open) -> None:
    door.board.show(plain(10, 1000), [])
    with watching(door) as seen:
        assert next(seen)[430, 600].mean() < 30
        door.board.show(plain(120, 1000), [])
        door.board.show(plain(240, 1000), [])
        levels = [corner(next(seen)) for _ in range(2)]
    assert levels[-1] > 220


def test_all_viewers_share_one_encoding(door: Open) -> None:
    door.board.show(plain(10, 1000), [])
    with watching(door) as one, watching(door) as other:
        assert (next(one) == next(other)).all()
    assert door.page.encoded == 1


def test_nobody_looks_and_nothing_is_encoded(door: Open) -> None:
    for number in range(20):
        door.board.show(plain(number, 1000), [track()])
    door.told()
    assert door.page.encoded == 0


def test_a_small_picture_for_slow_lines(door: Open) -> None:
    door.board.label(1, ZOE)
    door.board.show(plain(128, 1000), [track()])
    with watching(door, "/video_feed?size=small") as seen:
        picture = next(seen)
    assert picture.shape == (360, 480, 3)
    assert near(picture[172, 150], GREEN)
    assert door.get("/video_feed?size=huge").status_code == 400


def test_a_camera_that_stands_still_is_seen_to(door: Open) -> None:
    door.board.show(plain(240, 1000), [])
    with watching(door) as seen:
        assert corner(next(seen)) > 220
        assert door.told()["picture"] == ""
        door.clock.now += 7
        assert door.told()["picture"] == "no picture for 7 s"
        dimmed = next(picture for picture in seen if corner(picture) < 100)
        door.board.show(plain(240, 1007), [])
        again = next(picture for picture in seen if corner(picture) > 220)
    assert dimmed[220:260].max() > 200  # words stand in it
    assert again[220:260].min() > 220


def test_before_the_first_picture(door: Open) -> None:
    with watching(door) as seen:
        assert next(seen).shape == (480, 640, 3)
    assert door.told()["picture"] == "no picture yet"


def test_there_are_so_many_places(door: Open) -> None:
    with opened(replace(SETTINGS, max_viewers=2)) as door:
        with watching(door) as one, watching(door) as other:
            next(one), next(other)
            refused = door.get("/video_feed")
            assert refused.status_code == 503
            assert "Too many" in refused.text
            assert door.get("/video_feed_page").status_code == 200
        until(lambda: door.page.viewers == 0)
        with watching(door) as again:
            next(again)


def test_asking_for_the_head_takes_no_place(door: Open) -> None:
    with door.client() as client:
        assert all(client.head("/video_feed").status_code == 200 for _ in range(10))
    until(lambda: door.page.viewers == 0)


def test_what_the_page_is_told(door: Open) -> None:
    door.board.label(1, ZOE)
    door.board.show(plain(0, 1000), [track(), track(2, (10, 10, 50, 50))])
    door.board.happened(Happening(1_700_000_000.0, ZOE, opened=True))
    told = door.told()
    assert told["status"] == [
        {"name": "Camera", "word": "ok", "bad": False},
        {"name": "Server", "word": "cannot be reached", "bad": True},
    ]
    who = {"kind": "known", "text": "Zoë Ünal", "similarity": 0.71}
    assert told["faces"] == [{"number": 2, **who}]
    assert told["happenings"] == [{"at": 1_700_000_000.0, "opened": True, **who}]
    assert told["capture"] is None


def test_a_status_that_fails_is_said_and_the_picture_goes_on() -> None:
    def fails() -> list[StatusRow]:
        raise RuntimeError("/a/secret/place")

    with opened(status=fails) as door:
        door.board.show(plain(10, 1000), [])
        (row,) = door.told()["status"]
        assert row["bad"]
        assert "secret" not in str(row)
        with watching(door) as seen:
            next(seen)
