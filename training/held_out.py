"""What a network does for people it never saw in training: its error rates, and its threshold."""

from dataclasses import dataclass

import numpy as np

from core.errors import InvalidParameter
from core.types import Matrix, Similarity
from evaluation.calibration import Impostors, for_fmr
from evaluation.comparisons import everybody, similarities_of
from evaluation.metrics.curves import Scores, at_fmr
from evaluation.metrics.intervals import Rate
from evaluation.verification import Verification, verification
from training.looking import Ids

TARGETS = (0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Comparisons of held-out people, each photo as it is with each.

    `threshold` is the lowest whose FMR is below `target` with 95 % confidence; None where that
    cannot be said of so few, and `reason` tells why.
    """

    people: int
    photos: int
    scores: Scores
    eer: float | None
    fnmr_at: dict[float, float | None]
    target: float
    threshold: float | None
    bound: float | None
    reason: str

    def at_threshold(self) -> tuple[Rate, Rate] | None:
        """FMR and FNMR at the threshold."""
        if self.threshold is None:
            return None
        return self.scores.false_matches(self.threshold), self.scores.false_non_matches(
            self.threshold
        )


def measure(
    rows: Matrix, people: Ids, target: float, similarity: Similarity = Similarity.COSINE
) -> Measured:
    """Compare every two of these photos (n, d)."""
    found = everybody(people)
    values = similarities_of(rows, found, similarity)
    judged = verification(found, values, 1.0)
    threshold, bound, reason = _threshold(judged, people, target)
    return Measured(
        people=len(np.unique(people)),
        photos=len(people),
        scores=judged.scores,
        eer=judged.eer,
        fnmr_at={aim: _fnmr(judged, aim) for aim in TARGETS},
        target=target,
        threshold=threshold,
        bound=bound,
        reason=reason,
    )


def _fnmr(judged: Verification, target: float) -> float | None:
    operating = at_fmr(judged.scores, target)
    return None if operating is None else operating.fnmr.value


def _threshold(
    judged: Verification, people: Ids, target: float
) -> tuple[float | None, float | None, str]:
    found = judged.comparisons
    two = ~found.genuine
    whose = np.stack([people[found.first[two]], people[found.second[two]]], axis=1)
    try:
        proposed = for_fmr(Impostors(judged.scores.impostor, whose), target, judged.scores.genuine)
    except InvalidParameter as error:
        return None, None, error.message
    return proposed.threshold, proposed.bound, ""
