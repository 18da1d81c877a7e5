"""From a face's vector to a person: pure, and the only place here that says `match`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.recognition.network import Vector, Vectors, unit
from edge.types import Recognition

MARGIN = 0.02
"""A second person so close to the best makes the name doubtful; the server's default."""

MATCH, NO_MATCH, AMBIGUOUS = "match", "no_match", "ambiguous"
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold`: least similarity of a match; `margin`: any second person is farther behind."""

    threshold: float
    margin: float = MARGIN

    def __post_init__(self) -> None:
        """Raises ValueError for a threshold that everybody would reach."""
        if not 0 < self.threshold <= 1 or not 0 <= self.margin <= 1:
            raise ValueError("a threshold is above 0 and at most 1, a margin from 0 to 1")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the gallery. `source`: server, local."""

    user_id: str
    name: str | None
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """People and their unit vectors at one moment; never changed, only replaced.

    The rows of `matrix` (n, d) of `people[i]` begin at `starts[i]` and end where the next begin.
    """

    people: tuple[Person, ...]
    matrix: Vectors
    starts: npt.NDArray[np.intp]

    @classmethod
    def of(cls, owners: Sequence[Person], matrix: Vectors) -> "Roster":
        """The roster of `matrix`, whose rows are `owners`'; those of one person are together."""
        starts = [i for i, one in enumerate(owners) if i == 0 or one != owners[i - 1]]
        matrix.setflags(write=False)
        return cls(tuple(owners[i] for i in starts), matrix, np.asarray(starts, np.intp))

    def find(self, user_id: str) -> Person | None:
        """The person of that user_id."""
        return next((one for one in self.people if one.user_id == user_id), None)


def recognize(roster: Roster, vector: Vector, rule: Rule) -> Recognition:
    """Who `vector` is: the person of the nearest row, where no other person is as near."""
    query = unit(vector, roster.matrix.shape[1])
    if query is None or not roster.people:
        return Recognition(NO_MATCH, None, None, None, rule.threshold)
    scores = roster.matrix @ query
    scores[~np.isfinite(scores)] = -np.inf
    each = np.maximum.reduceat(scores, roster.starts)
    number = int(np.argmax(each))
    best = float(each[number])
    each[number] = -np.inf
    return _decided(roster.people[number], best, float(np.max(each)), rule)


def _decided(person: Person, best: float, second: float, rule: Rule) -> Recognition:
    if best == -np.inf:
        return Recognition(NO_MATCH, None, None, None, rule.threshold)
    similarity = min(max(best, -1.0), 1.0)
    if not best >= rule.threshold:
        return Recognition(NO_MATCH, None, None, similarity, rule.threshold)
    # The second counts even below the threshold: its nearness is what makes the name doubtful.
    if best - second <= rule.margin + _ROUNDING:
        return Recognition(AMBIGUOUS, None, None, similarity, rule.threshold)
    return Recognition(MATCH, person.user_id, person.name, similarity, rule.threshold)
