"""How much less comparisons say that share people than as many of people who meet once.

One woman who looks like everybody makes many false matches, which are one piece of news.
"""

import numpy as np
import numpy.typing as npt

from evaluation.metrics.beta import beta_cdf, beta_quantile
from evaluation.metrics.intervals import CONFIDENCE, Interval

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def design_effect(errors: Flags, people: Ids) -> float:
    """How many dependent comparisons are worth one independent one; at least 1.

    `people` (n, 2) are the two people of each of the n comparisons, `errors` (n,) which went
    wrong. The variance of the rate takes every two comparisons that share a person as related
    (Aronow, Samii, Assenova, Cluster-robust variance estimation for dyadic data, 2015); it is
    compared with that of independent ones (Kish's design effect).
    """
    count, rate = len(errors), float(np.mean(errors)) if len(errors) else 0.0
    if not 0 < rate < 1:
        return 1.0
    rest = errors - rate
    _, ids = np.unique(people, return_inverse=True)
    ids = np.sort(ids.reshape(-1, 2), axis=1)
    most = int(ids.max()) + 1
    shared = np.bincount(ids[:, 0], rest, most) + np.bincount(ids[:, 1], rest, most)
    # Comparisons that share both people were counted for each of the two.
    _, couples = np.unique(ids[:, 0] * most + ids[:, 1], return_inverse=True)
    both = np.bincount(couples.ravel(), rest)
    variance = (float(np.sum(shared**2)) - float(np.sum(both**2))) / count**2
    return max(1.0, variance / (rate * (1 - rate) / count))


def design_effect_of_clusters(errors: Flags, clusters: Ids) -> float:
    """The same for trials (n,) of which each belongs to one cluster, as one person's photos do."""
    count, rate = len(errors), float(np.mean(errors)) if len(errors) else 0.0
    if not 0 < rate < 1:
        return 1.0
    sums = np.bincount(np.unique(clusters, return_inverse=True)[1], errors - rate)
    return max(1.0, float(np.sum(sums**2)) / (count * rate * (1 - rate)))


def dependent_interval(errors: int, trials: int, effect: float) -> Interval:
    """Clopper and Pearson's with as many trials as the dependent ones are worth.

    Korn and Graubard, Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data, 1998.
    """
    seen, worth = errors / effect, trials / effect
    tail = (1 - CONFIDENCE) / 2
    low = beta_quantile(tail, seen, worth - seen + 1) if errors else 0.0
    high = beta_quantile(1 - tail, seen + 1, worth - seen) if errors < trials else 1.0
    return Interval(low, high)


def dependent_bound(errors: int, trials: int, effect: float) -> float:
    """What the true rate is not above, as `upper_bound` for independent ones."""
    if errors >= trials:
        return 1.0
    return beta_quantile(CONFIDENCE, errors / effect + 1, (trials - errors) / effect)


def is_below(limit: float, errors: int, trials: int, effect: float) -> bool:
    """Whether `dependent_bound` is at most `limit`, without computing it."""
    if errors >= trials:
        return limit >= 1
    return beta_cdf(limit, errors / effect + 1, (trials - errors) / effect) >= CONFIDENCE
