"""A face keeps its number while it is the same one."""

import pytest

from edge.tracking import Tracker, closeness, overlap
from edge.types import Box
from tests.edge.sights import face

HERE: Box = (100, 100, 50, 60)


def followed(*boxes: tuple[float, list[Box]]) -> list[list[int]]:
    """The numbers of the faces at these moments."""
    tracker = Tracker()
    return [[t.id for t in tracker.feed([face(box) for box in there], at)] for at, there in boxes]


def test_a_face_that_moves_keeps_its_number() -> None:
    walk: list[tuple[float, list[Box]]] = [
        (step / 10, [(100 + 20 * step, 100, 50 + step, 60 + step)]) for step in range(15)
    ]
    assert followed(*walk) == [[1]] * 15


def test_a_face_that_is_away_for_a_moment_keeps_its_number() -> None:
    assert followed((0, [HERE]), (0.1, []), (0.8, [HERE])) == [[1], [], [1]]


def test_a_face_that_is_away_for_longer_is_a_new_one() -> None:
    assert followed((0, [HERE]), (1.5, [HERE])) == [[1], [2]]


def test_two_faces_side_by_side_keep_their_numbers_in_any_order() -> None:
    there: Box = (170, 100, 50, 60)
    assert followed((0, [HERE, there]), (0.1, [there, HERE])) == [[1, 2], [2, 1]]


def test_a_number_is_never_given_again() -> None:
    assert followed((0, [HERE]), (5, []), (6, [(400, 300, 50, 60)])) == [[1], [], [2]]


def test_nobody_is_followed_into_another_scene() -> None:
    tracker = Tracker()
    tracker.feed([face(HERE)], 0)
    tracker.cut()
    assert tracker.feed([face(HERE)], 0.1)[0].id == 2


def test_a_track_counts_its_frames() -> None:
    tracker = Tracker()
    tracker.feed([face(HERE)], 7.0)
    (track,) = tracker.feed([face(HERE)], 7.1)
    assert (track.frames, track.started_monotonic) == (2, 7.0)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (HERE, True),
        ((130, 100, 50, 60), True),
        ((160, 100, 50, 60), False),
        ((100, 100, 120, 150), False),
    ],
)
def test_what_can_be_one_face(other: Box, same: bool) -> None:
    assert (closeness(HERE, other) > 0) is same


def test_overlap() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 0, 10, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0
