"""Verification: how often one person is refused, and two are taken for one, at every threshold.

A comparison is accepted where its similarity is at least the threshold, as Kenal accepts it.
FMR: accepted ones of two people; FNMR: refused ones of one person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.metrics.intervals import Rate, least_trials

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Similarities of comparisons of one person, and of two; each finite, in any order.

    Raises ValueError for one that is no number: it would be neither accepted nor refused.
    """

    genuine: Floats
    impostor: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.genuine).all() and np.isfinite(self.impostor).all()):
            raise ValueError("every similarity is a finite number")

    def false_matches(self, threshold: float) -> Rate:
        return Rate(int(np.sum(self.impostor >= threshold)), self.impostor.size)

    def false_non_matches(self, threshold: float) -> Rate:
        return Rate(int(np.sum(self.genuine < threshold)), self.genuine.size)


def scores(genuine: npt.ArrayLike, impostor: npt.ArrayLike) -> Scores:
    """Scores of plain numbers."""
    return Scores(np.asarray(genuine, np.float64), np.asarray(impostor, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Both error rates at every threshold where one changes, from the strictest on.

    The first threshold is infinite: nothing is accepted.
    """

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


@dataclass(frozen=True, slots=True)
class Operating:
    """What one threshold does; `target` is the FMR that it was chosen for."""

    target: float
    threshold: float
    fmr: Rate
    fnmr: Rate


def curve(given: Scores) -> Curve | None:
    """The error rates at every threshold; None where either kind of comparison is missing."""
    if not given.genuine.size or not given.impostor.size:
        return None
    seen = np.unique(np.concatenate([given.genuine, given.impostor]))[::-1]
    thresholds = np.concatenate([[np.inf], seen])
    return Curve(
        thresholds,
        _accepted(given.impostor, thresholds) / given.impostor.size,
        1 - _accepted(given.genuine, thresholds) / given.genuine.size,
    )


def auc(found: Curve) -> float:
    """The area under the ROC: how often one person's similarity is above two people's."""
    return float(np.trapezoid(1 - found.fnmr, found.fmr))


def eer(found: Curve) -> float:
    """The rate at which both errors are equal, on straight lines between the thresholds."""
    ahead = found.fmr - found.fnmr  # from -1 up to 1, never falling
    after = int(np.argmax(ahead >= 0))
    low, high = ahead[after - 1], ahead[after]
    part = -low / (high - low)
    return float(found.fmr[after - 1] + part * (found.fmr[after] - found.fmr[after - 1]))


def at_fmr(given: Scores, target: float) -> Operating | None:
    """The lowest seen threshold whose measured FMR is at most `target`, and its errors.

    None where there are no genuine comparisons, or too few of two people to say that such an FMR
    is reached at all (`least_trials`).
    """
    if given.impostor.size < least_trials(target):
        return None
    found = curve(given)
    if found is None:
        return None
    # It never falls along the curve, so the last one is the lowest threshold.
    place = int(np.flatnonzero(found.fmr <= target)[-1])
    threshold = float(found.thresholds[place])
    fmr, fnmr = given.false_matches(threshold), given.false_non_matches(threshold)
    return Operating(target, threshold, fmr, fnmr)


def thinned(found: Curve, most: int) -> Curve:
    """The curve by at most about `most` of its points, both ends and its steps' outline kept."""
    count = found.thresholds.size
    if count <= most:
        return found
    # Even in the number of points, and even in the logarithm of the small rates.
    linear = np.linspace(0, count - 1, most // 2)
    small = np.geomspace(1, count, most // 2) - 1
    kept = np.unique(np.concatenate([linear, small]).round().astype(int))
    return Curve(found.thresholds[kept], found.fmr[kept], found.fnmr[kept])


def _accepted(values: Floats, thresholds: Floats) -> npt.NDArray[np.int64]:
    below: npt.NDArray[np.int64] = np.searchsorted(np.sort(values), thresholds, side="left")
    return values.size - below


TARGETS: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""The FMRs that reports speak of."""
