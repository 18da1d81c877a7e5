"""Identification: who is found among everybody, and how often a stranger is given a name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.metrics.curves import Floats
from evaluation.metrics.intervals import Rate, least_trials

Ids = npt.NDArray[np.int64]
FPIR_TARGETS: Sequence[float] = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Searches for people who are enrolled, and for strangers.

    `own` (n,) is the best similarity to the person's own faces, `other` (n,) to anybody else's;
    `strangers` (m,) the best to anybody's. -inf where there is nobody.
    """

    own: Floats
    other: Floats
    strangers: Floats

    def false_negatives(self, threshold: float) -> Rate:
        """FNIR: enrolled people who are not found first and with at least this similarity."""
        found = (self.own >= threshold) & (self.own > self.other)
        return Rate(int(np.sum(~found)), self.own.size)

    def false_positives(self, threshold: float) -> Rate:
        """FPIR: strangers who are given a name."""
        return Rate(int(np.sum(self.strangers >= threshold)), self.strangers.size)


@dataclass(frozen=True, slots=True)
class OpenSet:
    """What one threshold does; `target` is the FPIR that it was chosen for."""

    target: float
    threshold: float
    fpir: Rate
    fnir: Rate


def best_by_person(similarities: Floats, people: Ids) -> tuple[Floats, Ids]:
    """The best of each person's faces: (n, faces) become (n, people), with the people's ids."""
    order = np.argsort(people, kind="stable")
    ids, starts = np.unique(people[order], return_index=True)
    best: Floats = np.maximum.reduceat(similarities[:, order], starts, axis=1)
    return best, ids


def split(best: Floats, ids: Ids, wanted: Ids) -> tuple[Floats, Floats]:
    """Of searches (n, people) for `wanted` (n,): the right person's, and the best of the others."""
    rows = np.arange(len(wanted))
    columns = np.searchsorted(ids, wanted)
    own = best[rows, columns]
    others = best.copy()
    others[rows, columns] = -np.inf
    return own, others.max(axis=1, initial=-np.inf)


def ranks(own: Floats, everybody: Floats) -> Ids:
    """The place of the right person, 1 the first; `everybody` (n, people) has all of them.

    A tie counts against the right person: nobody could tell the two apart.
    """
    # The right person is one of them.
    places: Ids = np.sum(everybody >= own[:, None], axis=1, dtype=np.int64)
    return places


def at_fpir(found: Searches, target: float) -> OpenSet | None:
    """The lowest threshold whose measured FPIR is at most `target`, just above a stranger's.

    None where nobody enrolled was searched for, or too few strangers to say that such an FPIR is
    reached at all.
    """
    if found.strangers.size < least_trials(target) or not found.own.size:
        return None
    descending = np.sort(found.strangers)[::-1]
    allowed = int(np.floor(target * descending.size + 1e-9))
    threshold = float(np.nextafter(descending[allowed], np.inf))
    return OpenSet(
        target, threshold, found.false_positives(threshold), found.false_negatives(threshold)
    )


def cumulative(places: Ids, most: int) -> list[Rate]:
    """Those not among the first 1, 2, … `most`, as errors of all searches."""
    return [Rate(int(np.sum(places > k)), places.size) for k in range(1, most + 1)]
