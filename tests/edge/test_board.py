"""What is shown: the newest picture with the names of those who are in it."""

import threading

import numpy as np

from edge.board import Board, Happening, Kind, Label
from edge.types import Frame, Track
from tests.edge.agent_kit import FACE, Clock

ANN = Label(Kind.KNOWN, "Ann", 0.9)


def frame(number: int) -> Frame:
    return Frame(np.zeros((4, 4, 3), np.uint8), number, 0.0, 0.0)


def test_a_label_follows_its_face_and_no_other() -> None:
    board = Board()
    board.label(7, ANN)
    board.show(frame(1), [Track(7, FACE, 1, 0.0), Track(8, FACE, 1, 0.0)])
    scene = board.scene()
    assert scene is not None
    assert dict(scene.labels) == {7: ANN}


def test_who_waits_gets_the_newest_picture() -> None:
    board = Board()

    def show() -> None:
        board.show(frame(1), [])
        board.show(frame(2), [])

    assert board.newer(0, 0.01) is None
    threading.Timer(0.05, show).start()
    scene = board.newer(1, 10.0)
    assert scene is not None
    assert scene.frame.number == 2
    assert board.newer(scene.number, 0.01) is None


def test_the_rate_is_that_of_the_last_frames() -> None:
    clock = Clock()
    board = Board(clock)
    for number in range(30):
        board.show(frame(number), [])
        clock.now += 0.1
    scene = board.scene()
    assert scene is not None
    assert round(scene.frames_per_second, 3) == 10


def test_memory_is_bounded() -> None:
    board = Board()
    for number in range(1000):
        board.label(number, ANN)
        board.happened(Happening(float(number), ANN, False))
    assert board.happenings()[0].at == 999
    assert len(board.happenings()) == 50
    board.show(frame(1), [Track(0, FACE, 1, 0.0), Track(999, FACE, 1, 0.0)])
    scene = board.scene()
    assert scene is not None
    assert list(scene.labels) == [999]
