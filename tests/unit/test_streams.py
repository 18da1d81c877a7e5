"""Frames of live streams: at once or never, one at a time, and never before others for long."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import NotFresh, RateLimited, TooLarge
from core.settings import Settings
from pipeline.services import Engine
from pipeline.streams import MAX_FACES, MAX_FRAME_BYTES, Sighting, StreamFrame, Streams, places_of
from pipeline.turns import Crowded, Turns
from tests.fakes import group, make_engine, portrait
from tests.unit.test_turns import LONG, until

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class PatientTurns(Turns):
    """Nobody's wait ends because this machine is slow; `entered`: whose turn it was."""

    def __init__(self, at_once: int) -> None:
        super().__init__(at_once, 8, LONG)
        self.entered: list[str] = []

    @contextmanager
    def turn(self, caller: str = "", wait_seconds: float | None = None) -> Iterator[None]:
        with super().turn(caller):
            self.entered.append(caller)
            yield


@dataclass
class Stage:
    """Streams whose turns and clock are the test's."""

    engine: Engine
    turns: PatientTurns = field(default_factory=lambda: PatientTurns(1))
    places: PatientTurns = field(default_factory=lambda: PatientTurns(4))
    now: datetime = NOON

    def __post_init__(self) -> None:
        own = self.engine
        self.streams = Streams(
            own.analyzer, own.recognizer, self.turns, self.places, lambda: self.now
        )

    def look(self, stream: str = "door-1", ago: float = 0.1, photo: bytes = b"") -> Sighting:
        taken = self.now - timedelta(seconds=ago)
        return self.streams.look(StreamFrame(stream, taken, photo or portrait(5)))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    services, engine = make_engine(tmp_path)
    yield Stage(engine)
    services.close()


@contextmanager
def others_work(turns: Turns) -> Iterator[None]:
    """The one place is taken until the end."""
    with ThreadPoolExecutor(1) as pool:
        leave, entered = threading.Event(), threading.Event()

        def hold() -> None:
            with turns.turn("others"):
                entered.set()
                assert leave.wait(LONG)

        holding = pool.submit(hold)
        assert entered.wait(LONG)
        try:
            yield
        finally:
            leave.set()
        holding.result(LONG)


@contextmanager
def waiting(stage: Stage) -> Iterator[Future[Sighting]]:
    """A frame that is in the queue; afterwards it is its turn."""
    with ThreadPoolExecutor(1) as pool, others_work(stage.turns):
        coming = pool.submit(stage.look)
        until(lambda: stage.turns.waiting == 1 or coming.done())
        yield coming


def test_everybody_is_answered_for_and_nobody_is_an_answer(stage: Stage) -> None:
    seen = stage.look(photo=group([5, 6], [80, 60]))
    assert [round(found.face.box.width) for found in seen.faces] == [80, 60]
    assert seen.age_ms == 100
    assert set(seen.timings_ms) == {"wait", "decode", "detect", "embed", "search", "total"}
    assert stage.look(photo=group([], [])).faces == []


def test_of_a_crowd_the_largest_are_named(stage: Stage) -> None:
    widths = list(range(60, 60 + MAX_FACES + 2))
    seen = stage.look(photo=group(list(range(1, MAX_FACES + 3)), widths))
    assert [round(found.face.box.width) for found in seen.faces] == widths[:1:-1]
    assert [face.reason for face in seen.unused] == ["not_largest"] * 2


@pytest.mark.parametrize("ago", [1.01, 3600, -2.01])
def test_a_frame_of_another_moment_is_dropped(stage: Stage, ago: float) -> None:
    with pytest.raises(NotFresh) as refused:
        stage.look(ago=ago)
    assert refused.value.details == {"age_ms": round(ago * 1000)}


@pytest.mark.parametrize("ago", [1.0, -2.0])
def test_a_frame_of_this_moment_is_not(stage: Stage, ago: float) -> None:
    assert len(stage.look(ago=ago).faces) == 1


def test_a_frame_whose_turn_comes_too_late_is_dropped(stage: Stage) -> None:
    with waiting(stage) as coming:
        stage.now += timedelta(seconds=2)
    with pytest.raises(NotFresh):
        coming.result(LONG)
    assert len(stage.look().faces) == 1, "and the next one is looked at"


def test_a_frame_waits_no_longer_than_it_is_of_use(stage: Stage) -> None:
    turns, places = Turns(1, 8, LONG), Turns(1, 8, LONG)
    engine = stage.engine
    streams = Streams(engine.analyzer, engine.recognizer, turns, places, lambda: NOON)
    frame = StreamFrame("door-1", NOON - timedelta(seconds=0.99), portrait(5))
    with others_work(turns), pytest.raises(Crowded):
        streams.look(frame)
    assert turns.waiting == places.waiting == 0


def test_of_a_stream_one_frame_is_under_way(stage: Stage) -> None:
    with waiting(stage) as coming:
        with pytest.raises(RateLimited) as refused:
            stage.look()
        assert refused.value.retry_after_seconds == 1
    assert len(coming.result(LONG).faces) == 1
    assert len(stage.look().faces) == 1


def test_a_refusal_ends_what_was_under_way(stage: Stage) -> None:
    with pytest.raises(TooLarge):
        stage.look(photo=bytes(MAX_FRAME_BYTES + 1))
    with pytest.raises(NotFresh):
        stage.look(ago=5)
    assert len(stage.look().faces) == 1


def test_all_streams_together_wait_as_one(stage: Stage) -> None:
    """However many doors stream, others' turns come between their frames."""

    def work(caller: str) -> None:
        with stage.turns.turn(caller):
            pass

    with ThreadPoolExecutor(6) as pool:
        with others_work(stage.turns):
            coming = []
            for job, name in ((stage.look, "a"), (stage.look, "b"), (work, "x"), (work, "y")):
                here = stage.turns.waiting
                coming.append(pool.submit(job, name))
                until(lambda here=here: stage.turns.waiting > here)  # type: ignore[misc]
        for one in coming:
            one.result(LONG)
    assert stage.turns.entered == ["others", "/streams", "x", "y", "/streams"]


def test_streams_have_half_of_the_places() -> None:
    places = places_of(Settings(photos_at_once=4, threads=8))
    with places.turn("a"), places.turn("b"), pytest.raises(Crowded), places.turn("c", 0.0):
        pass
    with places_of(Settings(photos_at_once=1)).turn("a"):
        pass
