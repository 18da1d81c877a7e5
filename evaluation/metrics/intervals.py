"""An error rate is a count of a count: what can be said of the true one, and what cannot."""

import math
from dataclasses import dataclass

from evaluation.metrics.beta import beta_quantile

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high` lies the true rate, with the confidence it was made with."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` of `trials`. Raises ValueError where that is no count of a count."""

    errors: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.trials:
            raise ValueError("errors are between none and all of the trials")

    @property
    def value(self) -> float | None:
        """The measured rate; None without a trial."""
        return self.errors / self.trials if self.trials else None

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the true rate, for independent trials."""
        return interval(self.errors, self.trials)


def interval(errors: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's exact interval; one-sided where no error, or nothing else, was seen.

    Without an error, the upper end is the exact form of the rule of three, about 3 / `trials`.
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    if errors == 0:
        return Interval(0.0, upper_bound(0, trials, confidence))
    if errors == trials:
        return Interval(1 - upper_bound(0, trials, confidence), 1.0)
    tail = (1 - confidence) / 2
    return Interval(
        beta_quantile(tail, errors, trials - errors + 1),
        beta_quantile(1 - tail, errors + 1, trials - errors),
    )


def upper_bound(errors: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """What the true rate is not above, with this confidence; 1 where nothing can be said."""
    if errors >= trials:
        return 1.0
    if errors == 0:
        return -math.expm1(math.log1p(-confidence) / trials)
    return beta_quantile(confidence, errors + 1, trials - errors)


def least_trials(rate: float, confidence: float = CONFIDENCE) -> int:
    """How many trials without a single error it takes to say that the true rate is below `rate`.

    About 3 / `rate`. Of fewer, nobody can say that such a rate is reached.
    """
    if not 0 < rate < 1:
        raise ValueError("a rate is between 0 and 1")
    return math.ceil(math.log1p(-confidence) / math.log1p(-rate))
