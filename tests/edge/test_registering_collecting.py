"""Which face and which pictures are taken, and what whoever stands there is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.embedding import Vector
from edge.gate import Rules, is_usable
from edge.registering.agreeing import agreeing, alike, group, strangers
from edge.registering.choosing import (
    COME_NEARER,
    LOOK_AT_CAMERA,
    NOBODY,
    ONE_AT_A_TIME,
    TO_THE_MIDDLE,
    choose,
    context_without,
    problem_of,
)
from edge.registering.collecting import SEVERAL_PEOPLE, TURN_A_LITTLE, Collector, Plan, State, Step
from edge.registering.types import Embedder
from edge.types import Box, Face, Frame, Landmarks, Pixels
from tests.edge.registering_kit import vector_of
from tests.edge.sights import face, sight

MIDDLE: Box = (260, 160, 120, 160)


class Script:
    """A network that gives these vectors, one after another."""

    threshold = 0.6

    def __init__(self, *people: int) -> None:
        self._people = list(people)
        self._number = 0

    def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
        self._number += 1
        return vector_of(self._people.pop(0), noise=self._number)


def noisy(number: int, at: float, like: int | None = None) -> Frame:
    """A sharp picture of its own, or very much like another."""
    rng = np.random.default_rng(number if like is None else like)
    image = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
    if like is not None:
        image = np.clip(image.astype(np.int16) + number % 2, 0, 255).astype(np.uint8)
    return Frame(image, number, captured_at=at, captured_monotonic=at)


def shown(
    embedder: Embedder | None,
    frames: list[Frame],
    faces: list[Face] | None = None,
    plan: Plan | None = None,
) -> tuple[Collector, list[Step]]:
    collector = Collector(plan or Plan(3, 0.0), Rules(), embedder, 0.0)
    steps = []
    for frame in frames:
        steps.append(collector.feed(frame, [face(MIDDLE)] if faces is None else faces))
        if steps[-1].is_over:
            break
    return collector, steps


def every(seconds: float, number: int) -> list[Frame]:
    return [noisy(one, one * seconds) for one in range(number)]


@given(
    st.floats(0, 600), st.floats(0, 450), st.floats(20, 200), st.floats(0, 1), st.floats(0, 1),
    st.floats(0, 40),
)  # fmt: skip
def test_the_words_are_there_exactly_where_the_gate_would_not_let_through(
    x: float, y: float, width: float, turned: float, confidence: float, sharpness: float
) -> None:
    one = sight(0, shown=face((x, y, width, width), turned, confidence), sharpness=sharpness)
    rules = Rules(zone=((0.2, 0), (0.8, 0), (0.8, 1), (0.2, 1)))
    assert (problem_of(one, rules) is None) == is_usable(one, rules)


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([], NOBODY),
        ([face((260, 160, 70, 90))], COME_NEARER),
        ([face((2, 160, 120, 160))], TO_THE_MIDDLE),
        ([face(MIDDLE, turned=0.9)], LOOK_AT_CAMERA),
        ([face(MIDDLE, confidence=0.3)], LOOK_AT_CAMERA),
        ([face(MIDDLE), face((20, 20, 61, 80))], ONE_AT_A_TIME),
        ([face(MIDDLE), face((20, 20, 100, 130), confidence=0.71)], ONE_AT_A_TIME),
        ([face(MIDDLE), face((370, 200, 50, 60))], ONE_AT_A_TIME),
    ],
)
def test_what_to_do_is_said(faces: list[Face], words: str) -> None:
    assert choose(noisy(1, 0), faces, Rules()) == words


def test_somebody_half_as_large_behind_is_cut_away() -> None:
    behind = face((20, 20, 60, 80))
    assert not isinstance(choose(noisy(1, 0), [behind, face(MIDDLE)], Rules()), str)
    assert context_without(MIDDLE, []) == 2.7
    assert context_without(MIDDLE, [(120, 160, 60, 80)]) == 2.2
    assert context_without(MIDDLE, [(370, 200, 50, 60)]) is None


def test_samples_are_apart_and_counted_down_to() -> None:
    collector, steps = shown(Script(1, 1, 1), every(0.125, 60), plan=Plan(3, 2.0))
    assert steps[0] == Step(State.COUNTING, "2: good: stay like this", 0)
    assert steps[-1].state is State.DONE
    first = next(number for number, step in enumerate(steps) if step.taken)
    assert first == 16
    assert len(steps) == 16 + 7, "0.3 seconds apart"
    assert len({one.jpeg for one in collector.samples}) == 3


def test_copies_of_one_picture_are_one() -> None:
    frames = [noisy(one, one * 0.5, like=7) for one in range(80)]
    collector, steps = shown(Script(1), frames)
    assert len(collector.samples) == 1
    assert (steps[-1].state, steps[-1].text) == (
        State.FAILED,
        f"not enough good pictures: {TURN_A_LITTLE} (1 of 3)",
    )


def test_it_ends_where_no_frame_comes() -> None:
    collector = Collector(Plan(3, 1.0, 30.0), Rules(), None, 100.0)
    assert collector.at(130.9).state is State.TAKING
    assert collector.at(131.0).text.startswith("not enough good pictures: no picture came")


def test_two_people_are_refused() -> None:
    _, steps = shown(Script(1, 2, 1, 2, 2), every(0.5, 20))
    assert steps[-1].text == f"{SEVERAL_PEOPLE} (3 of 3)"
    _, steps = shown(Script(*range(1, 30)), every(0.5, 40))
    assert steps[-1].text.startswith(SEVERAL_PEOPLE)


def test_one_bad_picture_is_passed_over() -> None:
    collector, steps = shown(Script(1, 1, 1, 9, 1, 1), every(0.5, 20), plan=Plan(5, 0.0))
    assert steps[-1].state is State.DONE
    vectors = [one.vector for one in collector.samples if one.vector is not None]
    assert alike(vectors, 0.6).all()
    assert len(vectors) == 5


@pytest.mark.parametrize("broken", [np.nan, 0.0])
def test_a_broken_network_registers_nobody(broken: float) -> None:
    class Broken:
        threshold = 0.6

        def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
            return np.full(16, broken, np.float32)

    collector, steps = shown(Broken(), every(0.5, 80))
    assert steps[-1].state is State.FAILED
    assert collector.samples == []


def test_without_a_network_who_is_followed_is_the_same() -> None:
    still = [noisy(one, one * 0.1, like=7) for one in range(4)]
    collector, _ = shown(None, still)
    assert len(collector.samples) == 1
    assert collector.samples[0].vector is None
    _, steps = shown(None, every(0.1, 30))
    assert steps[-1].text.startswith(SEVERAL_PEOPLE), "every picture shows another look"


def test_groups() -> None:
    people = [vector_of(1), vector_of(2), vector_of(1, 1), vector_of(1, 2), vector_of(3)]
    pairs = alike(people, 0.6)
    assert group(pairs, 5) == [0, 2, 3]
    assert group(pairs, 2) == [0, 2]
    assert strangers(pairs, [0, 2, 3]) == 2
    assert group(alike([], 0.6), 3) == []
    assert agreeing(people, 0.6) == [True, False, True, True, False]
    assert agreeing(people[:2], 0.6) == [False, False]
    assert agreeing(people[:1], 0.6) == [True]
    assert agreeing([], 0.6) == []
