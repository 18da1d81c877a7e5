"""Turns: so many at once, the others in order, and whoever is too many goes at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from core.errors import Busy
from pipeline.turns import Crowded, Turns

LONG = 30.0
"""Nobody waits for so long unless something is wrong."""


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not done():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.001)


class Crowd:
    """Threads that each take a turn, and hold it until they are told to leave."""

    def __init__(self, turns: Turns, pool: ThreadPoolExecutor) -> None:
        self.turns, self._pool = turns, pool
        self.entered: list[int] = []
        self._leave: dict[int, threading.Event] = {}

    def come(self, number: int) -> Future[None]:
        """One more, which is at its place or in the queue when this returns."""
        self._leave[number] = threading.Event()
        here, waiting = len(self.entered), self.turns.waiting
        coming = self._pool.submit(self._hold, number)
        until(lambda: (len(self.entered), self.turns.waiting) != (here, waiting) or coming.done())
        return coming

    def leave(self, number: int) -> None:
        self._leave[number].set()

    def _hold(self, number: int) -> None:
        with self.turns.turn():
            self.entered.append(number)
            assert self._leave[number].wait(LONG)


@contextmanager
def crowd(at_once: int, queue: int, wait_seconds: float = LONG) -> Iterator[Crowd]:
    with ThreadPoolExecutor(32) as pool:
        yield Crowd(Turns(at_once, queue, wait_seconds), pool)


def assert_free(turns: Turns, at_once: int) -> None:
    """Exactly `at_once` places can be had again, and nobody waits."""
    assert turns.waiting == 0
    with ThreadPoolExecutor(at_once) as pool:
        meeting = threading.Barrier(at_once)

        def hold(_: int) -> None:
            with turns.turn():
                meeting.wait(LONG)

        list(pool.map(hold, range(at_once)))
    assert turns.waiting == 0


def test_so_many_at_once_and_the_others_in_order() -> None:
    with crowd(at_once=2, queue=10) as people:
        coming = [people.come(number) for number in range(8)]
        assert people.entered == [0, 1]
        assert people.turns.waiting == 6
        for number in (1, 0, 2, 3):
            people.leave(number)
            coming[number].result(LONG)
            until(lambda: len(people.entered) + people.turns.waiting == 8)
        assert people.entered == [0, 1, 2, 3, 4, 5]
        for number in (5, 4, 7, 6):
            people.leave(number)
            coming[number].result(LONG)
            until(lambda: len(people.entered) + people.turns.waiting == 8)
        assert people.entered == list(range(8))
        assert_free(people.turns, 2)


def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    with crowd(at_once=1, queue=10) as people:
        with people.turns.turn():
            coming = people.come(0)
            people.leave(0)
        # The thread of 0 has hardly woken up, and still the place is its own.
        with people.turns.turn():
            assert people.entered == [0]
        coming.result(LONG)


def test_too_many_are_refused_at_once_and_leave_nothing_behind() -> None:
    with crowd(at_once=2, queue=3) as people:
        coming = [people.come(number) for number in range(5)]
        for _ in range(1000):
            with pytest.raises(Crowded), people.turns.turn():
                pytest.fail("there is no place")
        assert people.turns.waiting == 3
        for number in range(5):
            people.leave(number)
        for each in coming:
            each.result(LONG)
        assert sorted(people.entered) == [0, 1, 2, 3, 4]
        assert_free(people.turns, 2)


def test_without_a_queue_nobody_waits() -> None:
    turns = Turns(1, 0)
    with turns.turn(), pytest.raises(Busy), turns.turn():
        pytest.fail("there is no place")
    assert_free(turns, 1)


def test_who_waited_too_long_is_refused_and_the_next_one_is_served() -> None:
    with crowd(at_once=1, queue=2, wait_seconds=0.05) as people:
        first = people.come(0)
        with pytest.raises(Crowded):
            people.come(1).result(LONG)
        assert people.turns.waiting == 0
        people.leave(0)
        first.result(LONG)
        assert people.entered == [0]
        assert_free(people.turns, 1)


def test_no_place_is_lost_where_the_wait_ends_as_the_place_comes() -> None:
    # Waits and holds of about the same length: many end in the same moment.
    turns = Turns(1, 50, wait_seconds=0.002)
    served, refused = [], []

    def take(number: int) -> None:
        try:
            with turns.turn():
                served.append(number)
                time.sleep(0.001)
        except Crowded:
            refused.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(400)))
    assert len(served) + len(refused) == 400
    assert served
    assert refused
    assert_free(turns, 1)


def test_an_error_frees_the_place() -> None:
    turns = Turns(2, 0)
    for _ in range(10):
        with pytest.raises(RuntimeError), turns.turn():
            raise RuntimeError("a bug")
    assert_free(turns, 2)


def test_never_more_than_said_work() -> None:
    turns, lock = Turns(3, 100), threading.Lock()
    working: list[int] = []
    most = 0

    def work(number: int) -> None:
        nonlocal most
        with turns.turn():
            with lock:
                working.append(number)
                most = max(most, len(working))
            time.sleep(0.0005)
            with lock:
                working.remove(number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(200)))
    assert most == 3
    assert_free(turns, 3)


@pytest.mark.parametrize(
    ("photo_seconds", "pause"), [(0, 1), (0.3, 1), (1, 3), (1.5, 4), (1e4, 60)]
)
def test_the_pause_is_as_long_as_those_who_are_here_will_take(
    photo_seconds: float, pause: int
) -> None:
    now = 0.0
    turns = Turns(2, 3, LONG, clock=lambda: now)
    for _ in range(3):
        with turns.turn():
            now += photo_seconds
    with ThreadPoolExecutor(5) as pool:
        people = Crowd(turns, pool)
        coming = [people.come(number) for number in range(5)]
        with pytest.raises(Crowded) as crowded, turns.turn():
            pytest.fail("there is no place")
        for number in range(5):
            people.leave(number)
        for each in coming:
            each.result(LONG)
    assert crowded.value.retry_after_seconds == pause


def test_the_pace_follows_what_photos_take_now() -> None:
    now = 0.0
    turns = Turns(1, 0, clock=lambda: now)

    def pause_after(photos: int, seconds: float) -> int:
        nonlocal now
        for _ in range(photos):
            with turns.turn():
                now += seconds
        with turns.turn(), pytest.raises(Crowded) as crowded, turns.turn():
            pytest.fail("there is no place")
        return crowded.value.retry_after_seconds or 0

    assert pause_after(1, 20) == 20
    assert 2 <= pause_after(10, 1) <= 10
    assert pause_after(100, 1) <= 2
