"""The fair queue: callers one after another, and no room is lost to the greedy."""

from concurrent.futures import ThreadPoolExecutor

from pipeline.fair_queue import FairQueue, Waiter
from pipeline.turns import Crowded, Turns


def join(queue: FairQueue, caller: str) -> Waiter:
    waiter = queue.join(caller)
    assert waiter is not None
    return waiter


def order(queue: FairQueue) -> str:
    return "".join(queue.next().caller for _ in range(len(queue)))


def test_one_caller_is_served_in_order() -> None:
    queue = FairQueue(8)
    came = [join(queue, "a") for _ in range(5)]
    assert [queue.next() for _ in range(5)] == came
    assert len(queue) == 0


def test_callers_take_turns() -> None:
    queue = FairQueue(16)
    for caller in "aaaaabbc":
        join(queue, caller)
    assert order(queue) == "abcabaaa"


def test_a_newcomer_waits_for_one_of_each_at_most() -> None:
    queue = FairQueue(16)
    for caller in "aaabbb":
        join(queue, caller)
    queue.next()
    join(queue, "c")
    assert order(queue) == "bacbab"


def test_the_greedy_makes_room() -> None:
    queue = FairQueue(4)
    greedy = [join(queue, "a") for _ in range(4)]
    assert queue.join("a") is None
    join(queue, "b")
    assert [waiter.is_sent_away for waiter in greedy] == [False, False, False, True]
    join(queue, "b")
    # Two and two: nobody has fewer than the other.
    assert queue.join("b") is None
    assert queue.join("a") is None
    assert len(queue) == 4
    assert order(queue) == "abab"


def test_a_hundred_callers_share_what_there_is() -> None:
    queue = FairQueue(32)
    for _ in range(32):
        join(queue, "greedy")
    kept = [name for name in map(str, range(100)) if queue.join(name) is not None]
    assert len(kept) == 31
    assert sorted(order(queue).replace("greedy", "")) == sorted("".join(kept))


def test_who_leaves_is_not_called() -> None:
    queue = FairQueue(4)
    first, second = join(queue, "a"), join(queue, "b")
    queue.remove(first)
    assert queue.next() is second
    assert len(queue) == 0


def test_without_capacity_nobody_waits() -> None:
    assert FairQueue(0).join("a") is None


def test_who_is_sent_away_is_told_so_and_leaves_no_place_behind() -> None:
    turns = Turns(1, 2)

    def ask(caller: str) -> str:
        try:
            with turns.turn(caller):
                return "served"
        except Crowded:
            return "crowded"

    with ThreadPoolExecutor(4) as pool:
        with turns.turn("a"):
            first = pool.submit(ask, "a")
            while turns.waiting < 1:
                pass
            second = pool.submit(ask, "a")
            while turns.waiting < 2:
                pass
            other = pool.submit(ask, "b")
            assert second.result(10) == "crowded"
        assert (first.result(10), other.result(10)) == ("served", "served")
    with turns.turn("a"):
        assert turns.waiting == 0
