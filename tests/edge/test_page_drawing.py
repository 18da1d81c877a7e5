"""What is drawn into the picture, without any server."""

import threading

import numpy as np
import pytest

from edge.board import Board, Kind, Label, Scene
from edge.page.drawing import GREEN, GREY, ORANGE, drawn
from edge.page.stream import Feed, Pictures, view
from edge.page.words import Shown, drawn_words, in_ascii, shown
from edge.types import Frame, Pixels, Track
from tests.edge.agent_kit import FACE, Clock
from tests.edge.test_page import near, plain, track


def scene(
    *tracks: Track, labels: dict[int, Label] | None = None, frame: Frame | None = None
) -> Scene:
    return Scene(1, frame or plain(128, 1000), tracks, labels or {}, 9.8)


def count(picture: Pixels, color: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - np.array(color)).max(axis=2) < 12).sum())


@pytest.mark.parametrize(
    ("kind", "color"),
    [
        (Kind.KNOWN, GREEN),
        (Kind.ASKED, GREY),
        (Kind.UNKNOWN, ORANGE),
        (Kind.REFUSED, ORANGE),
    ],
)
def test_each_kind_has_its_color(kind: Kind, color: tuple[int, int, int]) -> None:
    picture = drawn(scene(track(), labels={1: Label(kind, "a word")}), 1280, 0)
    assert near(picture[230, 200], color)
    assert count(picture, color) > 1500  # the box and the plate of its words
    assert all(count(picture[60:], other) < 20 for other in {GREEN, GREY, ORANGE} - {color})


def test_a_face_of_which_nothing_is_known_has_a_thin_box() -> None:
    picture = drawn(scene(track()), 1280, 0)
    assert near(picture[230, 200], GREY)
    assert 0 < count(picture, GREY) < 1500


def test_words_stay_in_the_picture() -> None:
    label = {number: Label(Kind.KNOWN, "W" * 200, 0.9) for number in (1, 2, 3)}
    corners = [(-40.0, -30.0, 90.0, 90.0), (600.0, 440.0, 90.0, 90.0), (620.0, -5.0, 40.0, 40.0)]
    tracks = [track(number, box) for number, box in enumerate(corners, start=1)]
    picture = drawn(scene(*tracks, labels=label), 1280, 0)
    assert picture.shape == (480, 640, 3)
    assert count(picture, GREEN) > 3000


@pytest.mark.parametrize("size", [(1, 1), (16, 4000), (3000, 20), (1080, 1920)])
def test_any_size_is_drawn(size: tuple[int, int]) -> None:
    frame = plain(90, 1000, size)
    known = scene(track(), labels={1: Label(Kind.KNOWN, "Ada", 0.5)}, frame=frame)
    for stale in (0, 9):
        picture = drawn(known, 1280, stale)
        assert picture.shape[1] == min(1280, size[1])
    assert (frame.image == 90).all()


def test_a_smaller_picture_has_its_boxes_in_place() -> None:
    frame = plain(128, 1000, (960, 1280))
    big = track(1, (400.0, 300.0, 240.0, 320.0))
    picture = drawn(scene(big, labels={1: Label(Kind.KNOWN, "Ada")}, frame=frame), 640, 0)
    assert near(picture[230, 200], GREEN)


def words(label: Label, number: int = 3) -> str:
    return drawn_words(Shown(number, FACE, label))


def test_words_at_a_face() -> None:
    assert words(Label(Kind.KNOWN, "Ada", 0.714)) == "Ada 0.71"
    assert words(Label(Kind.KNOWN, "Ada")) == "Ada"
    assert words(Label(Kind.UNKNOWN, "unknown", 0.2)) == "unknown"
    assert words(Label(Kind.REFUSED, "")) == "refused"
    assert drawn_words(Shown(1, FACE, None)) == ""


def test_names_that_opencv_cannot_write() -> None:
    assert words(Label(Kind.KNOWN, "Zoë Łuczak-Großmann", 0.7)) == "Zoe Luczak-Grossmann 0.70"
    assert words(Label(Kind.KNOWN, "Ærøskøbing İbrahim")) == "AEroskobing Ibrahim".replace(
        "AE", "Ae"
    )
    assert words(Label(Kind.KNOWN, "李雷", 0.7)) == "no. 3 0.70"
    assert words(Label(Kind.KNOWN, "Иван")) == "no. 3"
    assert in_ascii("a\nb") == ""
    assert in_ascii("李 Lei") == ""  # half a name is a wrong name


def test_faces_are_numbered_from_the_left() -> None:
    right, left = track(1, (300.0, 0.0, 9.0, 9.0)), track(2, (10.0, 0.0, 9.0, 9.0))
    label = Label(Kind.KNOWN, "Ada")
    told = shown(scene(right, left, labels={1: label}))
    assert [(one.number, one.label) for one in told] == [(1, None), (2, label)]


def test_how_old_the_picture_is() -> None:
    fresh = scene(frame=plain(0, 1000))
    assert view(fresh, 1001.9).stale_seconds == 0
    assert view(fresh, 1002.0).stale_seconds == 2
    assert view(fresh, 990.0).stale_seconds == 0
    assert view(None, 1000.0).stale_seconds == 0


def test_a_late_viewer_gets_what_is_newer() -> None:
    pictures = Pictures()
    old, new = (view(Scene(number, plain(number, 1000), (), {}, 0.0), 1000) for number in (1, 2))
    newest = pictures.jpeg(new, 1280)
    assert pictures.jpeg(old, 1280) == newest
    assert pictures.encoded == 1
    assert pictures.jpeg(new, 480) != newest
    assert pictures.encoded == 2


def test_many_viewers_at_once_encode_once() -> None:
    pictures, gate, got = Pictures(), threading.Barrier(8), list[bytes]()
    seen = view(scene(track()), 1000)

    def looks() -> None:
        gate.wait()
        got.append(pictures.jpeg(seen, 1280))

    threads = [threading.Thread(target=looks) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(got)) == pictures.encoded == 1


class Stopping(threading.Event):
    """Instead of waiting, moves the clock; stops after some waits."""

    def __init__(self, clock: Clock, waits: int) -> None:
        super().__init__()
        self._clock, self._waits, self.waited = clock, waits, 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now += timeout or 0.0
        self.waited += timeout or 0.0
        self._waits -= 1
        if self._waits <= 0:
            self.set()
        return self.is_set()


def test_the_rate_is_bounded() -> None:
    clock = Clock()
    board, stop = Board(clock), Stopping(clock, 21)
    numbers = []
    board.show(plain(0, 1000), [])
    for seen in Feed(board, 5.0, stop, clock).views():
        assert seen.scene is not None
        numbers.append(seen.scene.number)
        for _ in range(7):
            board.show(plain(0, clock.now), [])
    assert len(numbers) == 21
    assert clock.now == pytest.approx(1000 + 21 / 5)
    assert numbers == [1 + 7 * number for number in range(21)]
