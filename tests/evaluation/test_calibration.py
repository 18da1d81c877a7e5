"""Thresholds keep what they promise on people they were not made from, or are not proposed."""

import math

import numpy as np
import pytest

from core.errors import InvalidParameter
from core.rates import fpir_of
from evaluation.calibration import Basis, Impostors, for_fmr, for_fpir
from evaluation.metrics.dependence import dependent_interval, design_effect
from evaluation.metrics.intervals import interval

SEEDS = 20


def tail(threshold: float) -> float:
    """How much of a normal distribution with mean 0.1 and deviation 0.15 is above."""
    return math.erfc((threshold - 0.1) / 0.15 / math.sqrt(2)) / 2


def drawn(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.1, 0.15, count)


def at_least(held: int, chance: float, trials: int = SEEDS) -> None:
    """So few would be seen less than once in a thousand times, were the promise kept."""
    below = sum(
        math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(held + 1)
    )
    assert below > 1e-3, f"only {held} of {trials}"


@pytest.mark.parametrize(("target", "count"), [(1e-1, 300), (1e-2, 3000), (1e-3, 40_000)])
def test_half_of_the_people_calibrate_for_the_other_half(target: float, count: int) -> None:
    inside = below = measured_inside = 0
    for seed in range(SEEDS):
        # Every two people meet once: half of these couples calibrate, the others are asked after.
        first, others = np.split(drawn(seed, 2 * count), 2)
        found = for_fmr(Impostors(first), target)
        truth = tail(found.threshold)
        inside += found.interval.low <= truth <= found.interval.high
        below += truth <= target
        errors = int(np.sum(others >= found.threshold))
        # Both measurements scatter: their intervals meet where both are of one truth.
        other = interval(errors, count)
        measured_inside += other.low <= found.interval.high and found.interval.low <= other.high
        assert found.rate.trials == count
        assert found.rate.value is not None
        assert found.interval.low <= found.rate.value <= found.bound <= target
    at_least(inside, 0.95)
    at_least(below, 0.95)
    at_least(measured_inside, 0.95)


def test_the_other_half_measured_on_a_large_scale() -> None:
    inside = 0
    for seed in range(SEEDS):
        found = for_fmr(Impostors(drawn(seed, 3000)), 1e-2)
        measured = float(np.mean(drawn(1000 + seed, 500_000) >= found.threshold))
        inside += found.interval.low <= measured <= found.interval.high
    at_least(inside, 0.95)


def test_a_threshold_that_merely_reached_the_target_would_not_keep_it() -> None:
    kept = sum(tail(np.sort(drawn(seed, 3000))[::-1][30]) <= 1e-2 for seed in range(SEEDS))
    assert kept < 16


def faces(people: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Everybody compared with everybody, where some people look like many others."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(0, 0.08, people)
    first, second = np.triu_indices(people, 1)
    values = 0.1 + looks[first] + looks[second] + rng.normal(0, 0.1, first.size)
    return values, np.stack([first, second], axis=1)


def tail_of_faces(threshold: float) -> float:
    deviation = math.sqrt(2 * 0.08**2 + 0.1**2)
    return math.erfc((threshold - 0.1) / deviation / math.sqrt(2)) / 2


def test_people_who_look_like_many_make_comparisons_worth_less() -> None:
    alone = people = 0
    for seed in range(60):
        values, whose = faces(60, seed)
        taken_as_alone = for_fmr(Impostors(values), 0.05)
        with_people = for_fmr(Impostors(values, whose), 0.05)
        assert with_people.worth < 0.7 * taken_as_alone.worth == 0.7 * values.size
        assert with_people.threshold >= taken_as_alone.threshold
        alone += tail_of_faces(taken_as_alone.threshold) <= 0.05
        people += tail_of_faces(with_people.threshold) <= 0.05
    # The correction is an estimate from 60 people, and so a little too hopeful itself.
    at_least(people, 0.9, 60)
    assert alone < 50


def test_half_of_these_people_calibrate_for_the_other_half() -> None:
    inside = met = 0
    for seed in range(SEEDS):
        # Nobody of one half is compared with anybody of the other.
        (first, whose), (others, their) = faces(160, 2 * seed), faces(160, 2 * seed + 1)
        found = for_fmr(Impostors(first, whose), 0.02)
        truth = tail_of_faces(found.threshold)
        inside += found.interval.low <= truth <= found.interval.high
        wrong = others >= found.threshold
        other = dependent_interval(int(wrong.sum()), others.size, design_effect(wrong, their))
        met += other.low <= found.interval.high and found.interval.low <= other.high
    at_least(inside, 0.95)
    at_least(met, 0.95)


def test_independent_comparisons_are_worth_their_number() -> None:
    rng = np.random.default_rng(0)
    couples = np.arange(20_000).reshape(-1, 2)
    assert design_effect(rng.random(10_000) < 0.1, couples) == 1.0
    first, second = np.triu_indices(150, 1)
    everybody = np.stack([first, second], axis=1)
    assert design_effect(rng.random(first.size) < 0.1, everybody) == pytest.approx(1, abs=0.5)


def test_copies_are_worth_one() -> None:
    rng = np.random.default_rng(0)
    couples = np.arange(2000).reshape(-1, 2)
    errors = rng.random(1000) < 0.2
    repeated = design_effect(np.repeat(errors, 9), np.repeat(couples, 9, axis=0))
    assert repeated == pytest.approx(9, rel=0.01)
    swapped = np.concatenate([couples, couples[:, ::-1]])
    assert design_effect(np.tile(errors, 2), swapped) == pytest.approx(2, rel=0.01)


def test_no_effect_is_the_exact_interval() -> None:
    assert dependent_interval(7, 500, 1.0) == interval(7, 500)
    wider = dependent_interval(14, 1000, 2.0)
    assert (wider.low, wider.high) == pytest.approx((interval(7, 500).low, interval(7, 500).high))


@pytest.mark.parametrize(
    ("count", "target", "needed"), [(900, 1e-5, 299_572), (0, 0.1, 29), (28, 0.1, 29)]
)
def test_too_few_comparisons_are_refused_with_how_many_it_takes(
    count: int, target: float, needed: int
) -> None:
    with pytest.raises(InvalidParameter, match=f"about {needed:,} are needed") as refused:
        for_fmr(Impostors(drawn(0, count)), target)
    assert f"with {count} comparisons" in refused.value.message
    assert refused.value.details == {"comparisons": count, "needed": needed}
    enough = for_fmr(Impostors(drawn(0, 29)), 0.1)
    assert enough.rate.errors == 0


def test_comparisons_that_are_worth_too_little_are_refused() -> None:
    values, whose = faces(12, 0)
    for_fmr(Impostors(values), 0.05)
    with pytest.raises(InvalidParameter, match=r"worth \d+ independent ones"):
        for_fmr(Impostors(np.repeat(values, 2)[:90], np.repeat(whose, 2, axis=0)[:90]), 0.05)


def test_a_gallery_of_many_needs_a_stricter_threshold() -> None:
    impostors = Impostors(drawn(0, 200_000))
    one = for_fpir(impostors, 0.05, 1)
    hundred = for_fpir(impostors, 0.05, 100)
    assert one.threshold == for_fmr(impostors, 0.05).threshold
    assert hundred.threshold > one.threshold
    assert hundred.basis is Basis.FPIR_BY_FMR
    assert hundred.fpir_bound is not None
    assert hundred.fpir_bound <= 0.05
    assert fpir_of(tail(hundred.threshold), 100) <= 0.05
    with pytest.raises(
        InvalidParameter, match=r"FPIR of 0.05 \(in this gallery an FMR of 5.13e-07"
    ):
        for_fpir(impostors, 0.05, 100_000)


def test_the_share_of_strangers_is_counted_where_there_are_enough() -> None:
    below = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        strangers = rng.normal(0.1, 0.15, (1500, 50)).max(axis=1)
        found = for_fpir(Impostors(drawn(seed, 100)), 0.02, 50, strangers=strangers)
        assert (found.basis, found.rate.trials, found.fpir_bound) == (Basis.FPIR, 1500, None)
        below += fpir_of(tail(found.threshold), 50) <= 0.02
    at_least(below, 0.95)
    few = for_fpir(Impostors(drawn(0, 100_000)), 0.02, 50, strangers=np.zeros(10))
    assert few.basis is Basis.FPIR_BY_FMR


def test_independence_stated() -> None:
    assert fpir_of(0.01, 1) == pytest.approx(0.01)
    assert fpir_of(0.01, 100) == pytest.approx(1 - 0.99**100)
    assert fpir_of(1e-12, 1000) == pytest.approx(1e-9)
    assert (fpir_of(0.0, 5), fpir_of(1.0, 5)) == (0, 1)


def test_what_the_proposal_says_of_one_person() -> None:
    found = for_fmr(Impostors(drawn(0, 1000)), 0.1, genuine=np.asarray([0.1, 0.9, 0.95]))
    assert found.fnmr is not None
    assert (found.fnmr.errors, found.fnmr.trials) == (1, 3)


def test_a_threshold_lies_above_ties_and_is_one_that_can_be_set() -> None:
    found = for_fmr(Impostors(np.full(100, 0.25)), 0.1)
    assert (found.threshold, found.rate.errors) == (0.2501, 0)
    below_zero = for_fmr(Impostors(np.full(100, -0.25)), 0.1)
    assert below_zero.threshold == -0.2499
    with pytest.raises(InvalidParameter, match="wrong labels"):
        for_fmr(Impostors(np.ones(100)), 0.1)
    # 0.0003 times 10,000 is less than 3.
    for value in np.arange(-9999, 9999, 7) / 10_000:
        found = for_fmr(Impostors(np.full(100, value)), 0.1)
        assert (found.rate.errors, found.threshold) == (0, round(value + 1e-4, 4))


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0])
def test_a_target_is_a_share(target: float) -> None:
    with pytest.raises(InvalidParameter, match="between 0 and 1"):
        for_fmr(Impostors(drawn(0, 100)), target)
    with pytest.raises(InvalidParameter, match="between 0 and 1"):
        for_fpir(Impostors(drawn(0, 100)), target, 10)


def test_what_cannot_be_calibrated() -> None:
    with pytest.raises(InvalidParameter, match="at least one person"):
        for_fpir(Impostors(drawn(0, 100)), 0.1, 0)
    with pytest.raises(InvalidParameter, match="finite"):
        for_fmr(Impostors(np.asarray([np.nan] * 100)), 0.1)
