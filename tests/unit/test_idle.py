"""Which of the idle connections must go."""

import socket
from dataclasses import dataclass

from core.serving.idle import has_data, who_must_go

NOW = 100.0


@dataclass(frozen=True)
class Kept:
    timeout: float
    asks: bool = False


LATE = Kept(NOW - 1)
FIRST, SECOND, THIRD = (Kept(NOW + seconds) for seconds in (1, 2, 3))


def gone(*idle: Kept, lacking: int = 0) -> list[Kept]:
    return who_must_go(idle, NOW, lacking, lambda one: one.asks)


def test_nobody_goes_before_the_time_is_over() -> None:
    assert gone() == []
    assert gone(FIRST, SECOND) == []
    assert gone(LATE, FIRST) == [LATE]
    assert gone(Kept(NOW), FIRST) == [Kept(NOW)]


def test_those_idle_longest_make_room() -> None:
    assert gone(FIRST, SECOND, THIRD, lacking=2) == [FIRST, SECOND]
    assert gone(FIRST, lacking=2) == [FIRST]
    assert gone(FIRST, SECOND, lacking=-5) == []


def test_late_ones_make_room_as_well() -> None:
    assert gone(LATE, FIRST, SECOND, lacking=1) == [LATE]
    assert gone(LATE, FIRST, SECOND, lacking=2) == [LATE, FIRST]


def test_nobody_goes_who_asks() -> None:
    assert gone(Kept(NOW - 1, asks=True), LATE) == [LATE]
    assert gone(Kept(NOW + 1, asks=True), SECOND, THIRD, lacking=1) == [SECOND]


def test_a_request_is_seen_and_stays_to_be_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not has_data(ours)
        theirs.sendall(b"GET")
        assert has_data(ours)
        assert ours.recv(10) == b"GET"
        theirs.close()
        assert not has_data(ours)
    assert not has_data(ours)
