"""Several good, different pictures of one person, one frame after another: pure, on their clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edge.crop import crop_jpeg
from edge.embedding import Vector
from edge.gate import Rules, Sight
from edge.registering.agreeing import alike, group, strangers
from edge.registering.choosing import choose, context_without, in_best_pixels
from edge.registering.types import Embedder, Sample
from edge.tracking import closeness
from edge.types import Face, Frame

TIMEOUT_S = 30.0
TURN_A_LITTLE = "turn your head a little"
SEVERAL_PEOPLE = "the pictures do not show one and the same person"
_APART_S = 0.3
_COPY = 0.99
"""From here on two pictures are one: what a camera's noise leaves of one that stands still."""
_MOST_LOST = 3
_TRIES = 4
"""So many pictures for each sample: of one person who moves, some are unlike the others."""
_MOST_STRANGERS = 0.25
_FOLLOWED_S, _FOLLOWED_LOOK = 1.0, 0.5
"""Without a network somebody is the same as long as they are followed: of one person who moves,
two pictures a second apart can look as unlike as two people's."""


class State(StrEnum):
    """How far it is."""

    COUNTING = "counting"
    TAKING = "taking"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """What to show after a frame."""

    state: State
    text: str
    taken: int

    @property
    def is_over(self) -> bool:
        """Whether no frame is wanted any more."""
        return self.state in (State.DONE, State.FAILED)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many samples, and how long it may take."""

    samples: int = 5
    countdown_s: float = 3.0
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    sight: Sight
    vector: Vector | None
    jpeg: bytes = field(repr=False)


class Collector:
    """Takes pictures until enough of them are of one person, or says why they never will be."""

    def __init__(self, plan: Plan, rules: Rules, embedder: Embedder | None, begun: float) -> None:
        """`begun`: the time by the clock of the frames."""
        self._plan, self._rules, self._embedder = plan, rules, embedder
        self._starts = begun + plan.countdown_s
        self._taken: list[_Taken] = []
        self._group: list[_Taken] = []
        self._strangers = self._lost = 0
        self._last: Sight | None = None
        self._advice = "no picture came from the camera"

    @property
    def samples(self) -> list[Sample]:
        """The pictures that are of one person."""
        return [Sample(one.jpeg, one.vector) for one in self._group]

    def feed(self, frame: Frame, faces: Sequence[Face]) -> Step:
        """Looks at one frame and all faces in it."""
        now = frame.captured_monotonic
        chosen = choose(frame, faces, self._rules)
        if isinstance(chosen, str):
            self._advice = chosen
        elif now >= self._starts:
            self._advice = self._consider(chosen, faces)
        else:
            self._advice = "good: stay like this"
        return self.at(now)

    def at(self, now: float) -> Step:
        """How far it is at this time, also where no frame comes."""
        number, wanted = len(self._group), self._plan.samples
        are_several = self._strangers > _MOST_STRANGERS * len(self._taken)
        is_full = len(self._taken) >= _TRIES * wanted and number < wanted
        if self._lost >= _MOST_LOST or is_full or (are_several and number >= wanted):
            return self._failed(SEVERAL_PEOPLE)
        if number >= wanted:
            return Step(State.DONE, f"{number} of {number}", number)
        if now < self._starts:
            return Step(State.COUNTING, f"{math.ceil(self._starts - now)}: {self._advice}", 0)
        if now - self._starts >= self._plan.timeout_s:
            return self._failed(f"not enough good pictures: {self._advice}")
        return Step(State.TAKING, f"{number} of {wanted}: {self._advice}", number)

    def _consider(self, sight: Sight, faces: Sequence[Face]) -> str:
        """Takes it, or says why not."""
        if self._embedder is None and self._is_lost(sight):
            self._taken.clear()
            self._lost += 1
        if self._taken and sight.at - self._taken[-1].sight.at < _APART_S:
            return "good: stay there"
        if any(float(sight.look @ one.sight.look) >= _COPY for one in self._taken):
            return TURN_A_LITTLE
        self._taken.append(_Taken(sight, self._vector(sight), _cut(sight, faces)))
        self._find_group()
        return "good: stay there"

    def _find_group(self) -> None:
        """Those of one person: each is like each, and hardly any is like none of them."""
        self._group = self._taken[: self._plan.samples]
        if self._embedder is None:
            return
        vectors = [one.vector for one in self._taken if one.vector is not None]
        pairs = alike(vectors, self._embedder.threshold)
        chosen = group(pairs, self._plan.samples)
        self._group = [self._taken[number] for number in chosen]
        self._strangers = strangers(pairs, chosen)

    def _vector(self, sight: Sight) -> Vector | None:
        if self._embedder is None:
            return None
        return self._embedder.embed(*in_best_pixels(sight.frame, sight.track.face))

    def _is_lost(self, sight: Sight) -> bool:
        """Whether who was seen last cannot be followed to here."""
        last, self._last = self._last, sight
        if last is None:
            return False
        is_near = closeness(last.track.face.box, sight.track.face.box) > 0
        is_alike = float(last.look @ sight.look) >= _FOLLOWED_LOOK
        return not (is_near and is_alike and sight.at - last.at <= _FOLLOWED_S)

    def _failed(self, why: str) -> Step:
        number = len(self._group)
        return Step(State.FAILED, f"{why} ({number} of {self._plan.samples})", number)


def _cut(sight: Sight, faces: Sequence[Face]) -> bytes:
    own = sight.track.face
    others = [face.box for face in faces if face is not own]
    return crop_jpeg(sight.frame, own, context_without(own.box, others) or 1.0)
