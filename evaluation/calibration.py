"""A threshold for the share of errors that is accepted, or a plain no where the data is too small.

The threshold is the lowest whose error rate is below the target with 95 % confidence, not the one
that merely happened to reach it on this data: on the side of refusing.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.errors import InvalidParameter
from core.rates import fmr_for, fpir_of
from evaluation.metrics.curves import Floats
from evaluation.metrics.dependence import (
    dependent_bound,
    dependent_interval,
    design_effect,
    is_below,
)
from evaluation.metrics.intervals import Interval, Rate, least_trials

Ids = npt.NDArray[np.int64]
_DIGITS = 4
_ENOUGH_TO_TELL = 50
"""Errors at which it is measured how far they depend on each other: fewer say little of it."""


class Basis(StrEnum):
    """What a proposal's target is a share of, and how it was measured."""

    FMR = "fmr"
    """Comparisons of two people."""
    FPIR_BY_FMR = "fpir_by_fmr"
    """Searches for strangers, computed as 1 - (1 - FMR)^N as if a stranger's N comparisons were
    independent. They are not quite: who looks like one, looks like several."""
    FPIR = "fpir"
    """Searches for strangers, counted in a gallery of that size."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold, to be set as KENAL_THRESHOLD, and what is known of it.

    `rate` of the calibration's own trials, `interval` of the true rate (95 %), which is below
    `bound` with 95 % confidence; all of FMR where `basis` is not `fpir`. `worth` is the number of
    independent trials that the dependent ones are worth. `fpir_bound` is what `bound` makes of a
    gallery of `gallery_size` people.
    """

    basis: Basis
    target: float
    threshold: float
    rate: Rate
    interval: Interval
    bound: float
    worth: float
    fnmr: Rate | None
    gallery_size: int | None = None
    fpir_bound: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """Similarities (n,) of two people each; `people` (n, 2) says of whom, where that is known.

    Without `people`, comparisons are taken as independent.
    """

    similarities: Floats
    people: Ids | None = None


def for_fmr(impostors: Impostors, target: float, genuine: Floats | None = None) -> Proposal:
    """A threshold whose FMR is below `target`; raises InvalidParameter where there are too few."""
    return _proposed(impostors, _Aim(Basis.FMR, target, target), genuine)


def for_fpir(
    impostors: Impostors,
    target: float,
    gallery_size: int,
    genuine: Floats | None = None,
    strangers: Floats | None = None,
) -> Proposal:
    """A threshold for which strangers get a name below `target` in a gallery of that size.

    Counted where `strangers`, the best similarity of each search for a stranger in a gallery of
    that size, are enough; else by the FMR. Raises InvalidParameter where there are too few.
    """
    if gallery_size < 1:
        raise InvalidParameter("a gallery has at least one person")
    _check_target(target)
    if strangers is not None and strangers.size >= least_trials(target):
        counted = Impostors(strangers)
        return _proposed(counted, _Aim(Basis.FPIR, target, target, gallery_size), genuine)
    fmr = fmr_for(target, gallery_size)
    return _proposed(impostors, _Aim(Basis.FPIR_BY_FMR, target, fmr, gallery_size), genuine)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What is asked for; `limit` is the rate of the trials at hand that it comes to."""

    basis: Basis
    target: float
    limit: float
    gallery_size: int | None = None


def _proposed(given: Impostors, aim: _Aim, genuine: Floats | None) -> Proposal:
    """The lowest threshold whose rate is below the aim's limit."""
    _check_target(aim.target)
    if not np.isfinite(given.similarities).all():
        raise InvalidParameter("every similarity is a finite number")
    count = given.similarities.size
    descending = np.sort(given.similarities)[::-1]
    effect = _effect(given, descending, _most_errors(count, aim.limit, 1.0))
    errors = _most_errors(count, aim.limit, effect)
    if errors is None:
        raise _too_few(aim, count, effect)
    threshold = _just_above(float(descending[errors]))
    rate = Rate(int(np.sum(given.similarities >= threshold)), count)
    bound = dependent_bound(errors, count, effect)
    by_fmr = aim.gallery_size if aim.basis is Basis.FPIR_BY_FMR else None
    return Proposal(
        basis=aim.basis,
        target=aim.target,
        threshold=threshold,
        rate=rate,
        interval=_interval(rate, errors, effect),
        bound=bound,
        worth=count / effect,
        fnmr=None if genuine is None else Rate(int(np.sum(genuine < threshold)), genuine.size),
        gallery_size=aim.gallery_size,
        fpir_bound=None if by_fmr is None else fpir_of(bound, by_fmr),
    )


def _interval(rate: Rate, errors: int, effect: float) -> Interval:
    """From the errors above the threshold to the one just below, which it was set by."""
    low = dependent_interval(rate.errors, rate.trials, effect).low
    return Interval(low, dependent_interval(errors, rate.trials, effect).high)


def _most_errors(count: int, limit: float, effect: float) -> int | None:
    """How many errors there may be for the bound to be below `limit`; None where none is few."""
    if not is_below(limit, 0, count, effect):
        return None
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        if is_below(limit, middle, count, effect):
            low = middle
        else:
            high = middle
    return low


def _effect(given: Impostors, descending: Floats, errors: int | None) -> float:
    """How far the errors around the threshold depend on each other.

    However they fell, many comparisons of two people are worth no more than one of two others.
    """
    if given.people is None or not descending.size:
        return 1.0
    looked_at = min(max(errors or 0, _ENOUGH_TO_TELL), descending.size - 1)
    couples = len(np.unique(np.sort(given.people, axis=1), axis=0))
    seen = design_effect(given.similarities > descending[looked_at], given.people)
    return max(seen, descending.size / couples)


def _just_above(similarity: float) -> float:
    """The next number of a few digits above; raises InvalidParameter where none is left."""
    scale = float(10**_DIGITS)
    place = math.floor(similarity * scale) + 1
    # The product may have been rounded down: 0.0003 times 10,000 is less than 3.
    above = round((place if place / scale > similarity else place + 1) / scale, _DIGITS)
    if above > 1:
        raise InvalidParameter(
            "different people are as alike as can be in this data: look for wrong labels"
        )
    return above


def _check_target(target: float) -> None:
    if not 0 < target < 1:
        raise InvalidParameter("a target is a share between 0 and 1")


def _too_few(aim: _Aim, count: int, effect: float) -> InvalidParameter:
    needed = math.ceil(least_trials(aim.limit) * effect)
    said = f"an {'FMR' if aim.basis is Basis.FMR else 'FPIR'} of {aim.target:g}"
    if aim.basis is Basis.FPIR_BY_FMR:
        said += f" (in this gallery an FMR of {aim.limit:.3g})"
    worth = f", which are worth {count / effect:.0f} independent ones" if effect > 1 else ""
    return InvalidParameter(
        f"{said} cannot be shown with {count:,} comparisons of different people{worth}: about"
        f" {needed:,} are needed. Take a higher target or more people",
        {"comparisons": count, "needed": needed},
    )
