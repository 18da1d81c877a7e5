"""Registering at the live page's picture, in a window and in words."""

import io
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.board import Board, Scene
from edge.detection import YuNet
from edge.embedding import MOBILEFACENET_THRESHOLD, MobileFaceNet
from edge.gate import Rules
from edge.registering.capture import Capture
from edge.registering.collecting import Plan, State, Step
from edge.registering.progress import ProgressLine
from edge.registering.registrar import Registrar
from edge.registering.screens import Window, Words, can_show, drawn, screen
from edge.registering.session import Session
from edge.registering.types import Outcome, RegisterError
from edge.registering.waiting import Waiting
from edge.tracking import Tracker
from edge.types import Face, Frame, Pixels
from tests.edge.agent_kit import Clock
from tests.edge.registering_kit import ClipCamera, ColorNetwork, FakeStore
from tests.edge.sights import face, frame
from tests.edge.test_clip import SECOND_SCENE, THIRD_SCENE
from tests.edge.test_registering_collecting import noisy


class Following(Board):
    """A board on which the next picture stands as soon as somebody waits for it."""

    def __init__(self, next_picture: Callable[["Following"], bool], clock: Clock) -> None:
        super().__init__()
        self._next, self._time = next_picture, clock

    def newer(self, number: int, seconds: float) -> Scene | None:
        if not self._next(self):
            self._time.now += seconds
            return None
        return super().newer(number, 0.0)


class Measuring(MobileFaceNet):
    threshold = MOBILEFACENET_THRESHOLD


def test_the_button_registers_a_man_of_the_clip(tmp_path: Path, shared_dir: Path) -> None:
    clip = shared_dir / "video" / "short_hamilton_clip.mp4"
    camera, clock = ClipCamera(clip, SECOND_SCENE, THIRD_SCENE), Clock(2.7)
    yunet, tracker = YuNet(shared_dir / "models" / "yunet_n_640.onnx"), Tracker()

    def show(board: Board) -> bool:
        picture = camera.read()
        if picture is None:
            return False
        clock.now = picture.captured_monotonic
        board.show(picture, tracker.feed(yunet.find(picture.image), clock.now))
        return True

    store, said = FakeStore(), list[str]()
    network = Measuring(shared_dir / "models" / "mobilefacenet.onnx")
    registrar = Registrar("local", Waiting(tmp_path), None, network, store)
    board = Following(show, clock)
    capture = Capture(board, registrar, Rules(least_face_px=70), Plan(5, 0.0), clock=clock)
    assert capture("Lin-Manuel", said.append) == Outcome(
        True, "registered Lin-Manuel: 5 here as lin-manuel"
    )
    assert len(store.vectors["lin-manuel"]) == 5
    assert all(one != other for one, other in pairwise(said)), "nothing is said twice in a row"
    assert said[-1] == "keeping the pictures"


def capture_on(
    board: Board, folder: Path, clock: Clock, stop: threading.Event | None = None
) -> Capture:
    registrar = Registrar("local", Waiting(folder), None, ColorNetwork(), FakeStore())
    return Capture(board, registrar, Rules(), Plan(3, 0.0), stop=stop, clock=clock)


def test_a_camera_that_is_away_is_said(tmp_path: Path) -> None:
    clock = Clock()
    board = Following(lambda _: False, clock)
    board.show(noisy(1, clock.now), Tracker().feed([face()], clock.now))
    outcome = capture_on(board, tmp_path, clock)("Ann", lambda _: None)
    assert outcome == Outcome(False, "no picture came from the camera")


def test_a_name_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    clock = Clock()
    outcome = capture_on(Following(lambda _: False, clock), tmp_path, clock)("  ", lambda _: None)
    assert not outcome.ok
    assert clock.now == 1000


def test_it_ends_with_the_agent(tmp_path: Path) -> None:
    clock, stop = Clock(), threading.Event()
    stop.set()
    capture = capture_on(Board(), tmp_path, clock, stop)
    assert capture("Ann", lambda _: None) == Outcome(False, "the agent is being stopped")


def test_one_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    inner = list[Outcome]()

    def press_again(_: Board) -> bool:
        if not inner:
            inner.append(capture("Bob", lambda _: None))
        return False

    capture = capture_on(Following(press_again, clock), tmp_path, clock)
    assert not capture("Ann", lambda _: None).ok
    assert inner == [Outcome(False, "somebody is being registered already")]
    assert capture("Ann", lambda _: None).text == "no picture came from the camera"


class Camera:
    """Gives these frames and then nothing."""

    def __init__(self, *frames: Frame, problem: OSError | None = None, end: str = "lost") -> None:
        self._frames, self._problem, self._end = list(frames), problem, end
        self.closed = 0

    def open(self) -> None:
        if self._problem is not None:
            raise self._problem

    def read(self) -> Frame | None:
        return self._frames.pop(0) if self._frames else None

    def close(self) -> None:
        self.closed += 1

    def status(self) -> str:
        return self._end


class OneFace:
    def find(self, image: Pixels) -> list[Face]:
        return [face()]


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (Camera(), "no picture came from the camera: lost"),
        (Camera(problem=OSError("v4l2:0 cannot be opened")), "the camera v4l2:0 cannot be opened"),
        (Camera(problem=OSError(13, "Permission denied", "/dev/video0")), "Permission denied"),
        (Camera(frame(1000.0), end="ended"), "the camera's pictures have ended"),
        (Camera(frame(1000.0)), "not enough good pictures: hold still"),
    ],
)
def test_why_the_camera_gave_nobody_is_said(camera: Camera, words: str) -> None:
    clock = Clock()

    def pause(_: float) -> None:
        clock.now += 1.0

    session = Session(camera, OneFace(), Words(io.StringIO()), clock, pause)
    with pytest.raises(RegisterError, match=words) as caught:
        session.collect(Plan(3, 0.0), Rules(), None)
    assert "/dev" not in str(caught.value)
    assert camera.closed == 1


def test_whoever_looks_can_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, keys = list[Pixels](), [-1, ord("q")]
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image), raising=False)
    monkeypatch.setattr(cv2, "waitKey", lambda _: keys.pop(0), raising=False)
    monkeypatch.setattr(cv2, "destroyAllWindows", shown.clear, raising=False)
    window = Window(Words(io.StringIO()))
    camera = Camera(noisy(1, 1000.0), noisy(2, 1000.1), noisy(3, 1000.2))
    with pytest.raises(RegisterError, match="cancelled"):
        Session(camera, OneFace(), window, Clock()).collect(Plan(3, 0.0), Rules(), None)
    assert (keys, shown, camera.closed) == ([], [], 1)


def test_the_picture_is_a_mirror() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[200:220, 10:30] = (0, 0, 255)
    picture = drawn(image, [face((100, 200, 120, 160))], Step(State.TAKING, "1 of 5: good", 1))
    assert tuple(picture[210, 620]) == (0, 0, 255)
    assert tuple(picture[200, 480]) == (0, 200, 0), "the box too"
    assert picture[:30].any()
    assert not image[:30].any()


def test_words_are_said_once() -> None:
    out = io.StringIO()
    words = Words(out)
    for text in ("a", "a", "b\x1b[2J", "b\x1b[2J", "a"):
        assert words.show(None, [], Step(State.TAKING, text, 0))
    assert out.getvalue() == "a\nb?[2J\na\n"


def test_without_windows_there_are_words() -> None:
    assert not can_show("  GUI:                           NONE\n")
    assert isinstance(screen(io.StringIO(), with_window=False), Words)
    if "NONE" in next(one for one in cv2.getBuildInformation().splitlines() if "GUI:" in one):
        assert isinstance(screen(io.StringIO(), with_window=True), Words)


def test_progress_is_for_terminals() -> None:
    out, clock = io.StringIO(), Clock()
    line = ProgressLine(out, True, clock)
    clock.now += 30
    line(10, 300)
    assert "10 of 300, 14:30 left" in out.getvalue()
    line(300, 300)
    assert out.getvalue().endswith("\n")
    silent = io.StringIO()
    ProgressLine(silent, False, clock)(1, 2)
    assert silent.getvalue() == ""
