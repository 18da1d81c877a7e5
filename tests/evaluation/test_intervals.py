"""Exact intervals: as SciPy computes them, as often true as they say, and silent on too little."""

import numpy as np
import pytest

from evaluation.metrics.beta import beta_cdf, beta_quantile
from evaluation.metrics.intervals import Rate, interval, least_trials, upper_bound

SIZES = [(0.5, 0.5), (1, 1), (1, 300_000), (3, 998), (50, 51), (5_000, 995_001), (2_000, 3)]


@pytest.mark.parametrize(("a", "b"), SIZES)
@pytest.mark.parametrize("p", [1e-4, 0.025, 0.5, 0.975])
def test_scipy_agrees(a: float, b: float, p: float) -> None:
    beta = pytest.importorskip("scipy.stats").beta(a, b)
    assert beta_quantile(p, a, b) == pytest.approx(beta.ppf(p), rel=1e-6)
    assert beta_cdf(beta.ppf(p), a, b) == pytest.approx(p, rel=1e-6)


def test_the_ends_of_the_distribution() -> None:
    assert beta_cdf(-1, 2, 3) == beta_cdf(0, 2, 3) == 0
    assert beta_cdf(1, 2, 3) == beta_cdf(2, 2, 3) == 1


def test_published_interval() -> None:
    # Clopper and Pearson's for 10 of 100.
    found = interval(10, 100)
    assert found.low == pytest.approx(0.0490, abs=5e-5)
    assert found.high == pytest.approx(0.1762, abs=5e-5)


@pytest.mark.parametrize("trials", [30, 1000, 100_000])
def test_without_an_error_three_of_so_many(trials: int) -> None:
    found = Rate(0, trials).interval
    assert found.low == 0
    assert found.high == pytest.approx(3 / trials, rel=0.06)
    assert (1 - found.high) ** trials == pytest.approx(0.05)
    mirrored = Rate(trials, trials).interval
    assert mirrored.low == pytest.approx(1 - found.high)
    assert mirrored.high == 1


def test_nothing_measured_says_nothing() -> None:
    assert Rate(0, 0).value is None
    assert (Rate(0, 0).interval.low, Rate(0, 0).interval.high) == (0, 1)
    assert upper_bound(0, 0) == upper_bound(5, 5) == 1
    with pytest.raises(ValueError, match="between none and all"):
        Rate(2, 1)


@pytest.mark.parametrize("rate", [0.5, 0.1, 1e-2, 1e-5])
def test_the_least_trials_just_suffice(rate: float) -> None:
    enough = least_trials(rate)
    assert upper_bound(0, enough) <= rate < upper_bound(0, enough - 1)


def test_rates_that_are_none() -> None:
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            least_trials(rate)


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5])
def test_it_holds_the_truth_as_often_as_it_says(truth: float) -> None:
    trials = 200
    found = [interval(k, trials) for k in range(trials + 1)]
    chances = binomial(trials, truth)
    held = sum(c for c, i in zip(chances, found, strict=True) if i.low <= truth <= i.high)
    assert held >= 0.95
    above = sum(c for k, c in enumerate(chances) if upper_bound(k, trials) >= truth)
    assert above >= 0.95


def binomial(trials: int, truth: float) -> np.ndarray:
    """The chance of each count, by repeated multiplication."""
    chances = np.asarray([1.0])
    for _ in range(trials):
        chances = np.convolve(chances, [1 - truth, truth])
    return chances
