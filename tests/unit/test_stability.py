"""When a file counts as complete."""

from pathlib import PurePosixPath

from core.files import FileIdentity
from pipeline.stability import StabilityTracker

PATH = PurePosixPath("a.jpg")


def file_of(size: int) -> FileIdentity:
    return FileIdentity(1, size, size, size)


def test_a_file_is_stable_after_it_rested() -> None:
    tracker = StabilityTracker(2)
    tracker.observe(PATH, file_of(1), now=100)
    assert not tracker.is_stable(PATH, 101.9)
    assert tracker.is_stable(PATH, 102)


def test_every_change_starts_the_wait_anew() -> None:
    tracker = StabilityTracker(2)
    for size in range(20):
        tracker.observe(PATH, file_of(size), now=100 + size * 1.5)
        assert not tracker.is_stable(PATH, 100 + size * 1.5 + 1.4)
    assert tracker.is_stable(PATH, 100 + 19 * 1.5 + 2)


def test_an_old_file_need_not_wait_but_a_change_makes_it() -> None:
    tracker = StabilityTracker(2)
    tracker.observe(PATH, file_of(1), now=100, resting_for=3600)
    assert tracker.is_stable(PATH, 100)
    tracker.observe(PATH, file_of(2), now=100.5, resting_for=3600)
    assert not tracker.is_stable(PATH, 101)


def test_a_clock_set_back_does_not_make_the_wait_longer() -> None:
    tracker = StabilityTracker(2)
    tracker.observe(PATH, file_of(1), now=100, resting_for=-9999)
    assert tracker.is_stable(PATH, 102)


def test_what_was_taken_is_forgotten() -> None:
    tracker = StabilityTracker(2)
    tracker.observe(PATH, file_of(1), now=0)
    tracker.forget(PATH)
    assert tracker.watched() == []
    assert not tracker.is_stable(PATH, 100)
