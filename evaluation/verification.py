"""One embedder's comparisons, judged: the curve, the rates that are asked for, the worst pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.comparisons import Comparisons, Ids, scores_of
from evaluation.metrics.curves import (
    TARGETS,
    Curve,
    Floats,
    Operating,
    Scores,
    at_fmr,
    auc,
    curve,
    eer,
)
from evaluation.metrics.folds import FoldAccuracy, fold_accuracy
from evaluation.metrics.intervals import Rate


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """What is None could not be said: a kind of comparison is missing, or there are too few."""

    comparisons: Comparisons
    similarities: Floats
    scores: Scores
    threshold: float
    fmr: Rate
    fnmr: Rate
    curve: Curve | None
    auc: float | None
    eer: float | None
    operating: Sequence[tuple[float, Operating | None]]
    folds: FoldAccuracy | None

    @property
    def accuracy(self) -> float | None:
        """The share of right answers at `threshold`; of one kind alone, it would say nothing."""
        if not self.fmr.trials or not self.fnmr.trials:
            return None
        trials = self.fmr.trials + self.fnmr.trials
        return 1 - (self.fmr.errors + self.fnmr.errors) / trials


def verification(found: Comparisons, similarities: Floats, threshold: float) -> Verification:
    """Judge the comparisons, at `threshold` and at every other."""
    scores = scores_of(similarities, found)
    rates = curve(scores)
    return Verification(
        comparisons=found,
        similarities=similarities,
        scores=scores,
        threshold=threshold,
        fmr=scores.false_matches(threshold),
        fnmr=scores.false_non_matches(threshold),
        curve=rates,
        auc=None if rates is None else auc(rates),
        eer=None if rates is None else eer(rates),
        operating=[(target, at_fmr(scores, target)) for target in TARGETS],
        folds=fold_accuracy(similarities, found.genuine, found.folds),
    )


def worst(found: Verification, genuine: bool, most: int) -> Ids:
    """The comparisons furthest on the wrong side: one person's least alike, or two people's most.

    No photo of one of two people stands there more than twice: it would hide the others.
    """
    of_kind = np.flatnonzero(found.comparisons.genuine == genuine)
    values = found.similarities[of_kind]
    order = of_kind[np.argsort(values if genuine else -values, kind="stable")]
    seen: dict[int, int] = {}
    chosen: list[int] = []
    for place in order.tolist():
        rows = (int(found.comparisons.first[place]), int(found.comparisons.second[place]))
        if all(seen.get(row, 0) < 2 for row in rows):
            chosen.append(place)
            for row in rows:
                seen[row] = seen.get(row, 0) + 1
        if len(chosen) == most:
            break
    return np.asarray(chosen, dtype=np.int64)
