"""People searched for among everybody: enrolled ones by another photo, and held-out strangers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.types import Decision, Matrix, Similarity
from core.vectors import similarities
from evaluation.comparisons import Ids
from evaluation.metrics.curves import Floats
from evaluation.metrics.identification import (
    FPIR_TARGETS,
    OpenSet,
    Searches,
    at_fpir,
    cumulative,
    ranks,
    split,
)
from evaluation.metrics.intervals import Rate
from pipeline.decision import Rule, decide
from pipeline.gallery import Candidate

MOST_RANKS = 10
_STEPS = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_AT_ONCE = 256
MOST_SEARCHES = 5000
"""Of each kind; of more, so many are drawn by lot."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Rows by their part: `enrolled` one a person, `probes` other photos of people at the place
    `wanted` of `enrolled`, `strangers` photos of people who are not enrolled.
    """

    enrolled: Ids
    probes: Ids
    wanted: Ids
    strangers: Ids


@dataclass(frozen=True, slots=True)
class Answers:
    """What Kenal would answer at its threshold and margin; all of one kind of search."""

    right: int
    wrong_name: int
    ambiguous: int
    no_match: int

    @property
    def searches(self) -> int:
        return self.right + self.wrong_name + self.ambiguous + self.no_match


@dataclass(frozen=True, slots=True)
class OfSize:
    """A gallery of so many people: the rank errors, and what strangers are given."""

    people: int
    not_first: Rate
    open_set: Sequence[tuple[float, OpenSet | None]]
    fpir: Rate
    fnir: Rate


@dataclass(frozen=True, slots=True)
class Identification:
    """`not_among`: searches whose person is not among the first 1, 2, …; everybody is enrolled.

    All else with the half of the people enrolled that the lot chose, and the others as strangers.
    `fpir` and `fnir` of the sizes are at `rule`'s threshold.
    """

    people: int
    not_among: Sequence[Rate]
    sizes: Sequence[OfSize]
    enrolled: Answers
    strangers: Answers


def plan(people: Ids, share: float, seed: int = 0) -> Plan:
    """Enroll this share of the people, drawn by lot, each by their first photo."""
    rng = np.random.default_rng(seed)
    ids, firsts = np.unique(people, return_index=True)
    drawn = rng.permutation(len(ids))[: round(share * len(ids))]
    enrolled = firsts[drawn].astype(np.int64)
    place = np.full(len(ids), -1)
    place[drawn] = np.arange(len(drawn))
    others = np.setdiff1d(np.arange(len(people)), enrolled)
    wanted = place[np.searchsorted(ids, people[others])]
    probes = _drawn(np.flatnonzero(wanted >= 0), rng)
    strangers = _drawn(np.flatnonzero(wanted < 0), rng)
    return Plan(enrolled, others[probes], wanted[probes].astype(np.int64), others[strangers])


def _drawn(places: Ids, rng: np.random.Generator) -> Ids:
    return (
        places if len(places) <= MOST_SEARCHES else np.sort(rng.permutation(places)[:MOST_SEARCHES])
    )


def identification(
    rows: Matrix, people: Ids, similarity: Similarity, rule: Rule, seed: int = 0
) -> Identification | None:
    """Search for everybody; None where nobody has a second photo, or nobody else is there."""
    closed = plan(people, 1.0, seed)
    if not closed.probes.size or len(closed.enrolled) < 2:
        return None
    opened = plan(people, 0.5, seed)
    found = _Searched(rows, closed, similarity)
    everybody = len(closed.enrolled)
    return Identification(
        people=everybody,
        not_among=cumulative(found.places(everybody), min(MOST_RANKS, everybody)),
        sizes=sizes_of(rows, opened, similarity, rule),
        enrolled=_answers(rows, opened, similarity, rule, strangers=False),
        strangers=_answers(rows, opened, similarity, rule, strangers=True),
    )


def sizes_of(rows: Matrix, opened: Plan, similarity: Similarity, rule: Rule) -> list[OfSize]:
    """What becomes of the rates as the gallery grows, each a part of the next."""
    everybody = len(opened.enrolled)
    steps = [step for step in _STEPS if step < everybody]
    found = _Searched(rows, opened, similarity)
    return [_of_size(found, size, rule) for size in [*steps, everybody] if size]


class _Searched:
    """Searches in the first so many of a plan's people, a block of probes at a time."""

    def __init__(self, rows: Matrix, chosen: Plan, similarity: Similarity) -> None:
        self._rows, self._plan, self._similarity = rows, chosen, similarity

    def blocks(self, probes: Ids, size: int) -> Iterator[tuple[slice, Floats]]:
        """Similarities (block, size) of some probes at a time, with their place among `probes`."""
        gallery = self._rows[self._plan.enrolled[:size]]
        for at in range(0, len(probes), _AT_ONCE):
            part = slice(at, at + _AT_ONCE)
            found = [
                similarities(self._rows[row], gallery, self._similarity) for row in probes[part]
            ]
            yield part, np.stack(found).astype(np.float64)

    def places(self, size: int) -> Ids:
        """The rank of every search for one of these people."""
        probes, wanted = self._of(size)
        found = [
            ranks(split(best, np.arange(size), wanted[part])[0], best)
            for part, best in self.blocks(probes, size)
        ]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def searches(self, size: int) -> Searches:
        """The best similarities of searches for these people, and for strangers."""
        probes, wanted = self._of(size)
        own, other = np.empty(len(probes)), np.empty(len(probes))
        for part, best in self.blocks(probes, size):
            own[part], other[part] = split(best, np.arange(size), wanted[part])
        strangers = np.empty(len(self._plan.strangers))
        for part, best in self.blocks(self._plan.strangers, size):
            strangers[part] = best.max(axis=1, initial=-np.inf)
        return Searches(own, other, strangers)

    def _of(self, size: int) -> tuple[Ids, Ids]:
        among = self._plan.wanted < size
        return self._plan.probes[among], self._plan.wanted[among]


def _of_size(found: _Searched, size: int, rule: Rule) -> OfSize:
    searches = found.searches(size)
    return OfSize(
        people=size,
        not_first=searches.false_negatives(-np.inf),
        open_set=[(target, at_fpir(searches, target)) for target in FPIR_TARGETS],
        fpir=searches.false_positives(rule.threshold),
        fnir=searches.false_negatives(rule.threshold),
    )


def _answers(
    rows: Matrix, chosen: Plan, similarity: Similarity, rule: Rule, strangers: bool
) -> Answers:
    """How often Kenal's own decision is which; of strangers, every name is a wrong one."""
    probes = chosen.strangers if strangers else chosen.probes
    wanted = np.full(len(probes), -1) if strangers else chosen.wanted
    counts = dict.fromkeys(("right", "wrong_name", Decision.AMBIGUOUS, Decision.NO_MATCH), 0)
    size = len(chosen.enrolled)
    for part, best in _Searched(rows, chosen, similarity).blocks(probes, size):
        for found, person in zip(best, wanted[part].tolist(), strict=True):
            first = _two_best(found)
            said: str = decide(first, rule)
            if said == Decision.MATCH:
                said = "right" if first[0].face_id == person else "wrong_name"
            counts[said] += 1
    right, wrong_name, ambiguous, no_match = counts.values()
    return Answers(right, wrong_name, ambiguous, no_match)


def _two_best(found: Floats) -> list[Candidate]:
    """The two most similar people, by their column."""
    if not found.size:
        return []
    first = int(np.argmax(found))
    others = found.copy()
    others[first] = -np.inf
    best = [first, int(np.argmax(others))][: len(found)]
    return [Candidate(str(column), column, float(found[column])) for column in best]
