"""Timings and what is said of them: medians, ratios, and whether a target is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

import numpy as np

NOT_MEASURED = "–"


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer: wall and CPU milliseconds, and those of its stages where they were measured."""

    wall_ms: float
    cpu_ms: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """The same work many times."""

    samples: Sequence[Sample]

    @property
    def p50(self) -> float:
        return median(sample.wall_ms for sample in self.samples)

    @property
    def p95(self) -> float:
        return percentile([sample.wall_ms for sample in self.samples], 95)

    @property
    def cpu(self) -> float:
        return median(sample.cpu_ms for sample in self.samples)

    def stages(self) -> dict[str, float]:
        """The median of each stage, in the order of the first sample."""
        names = self.samples[0].stages
        return {name: median(s.stages.get(name, 0.0) for s in self.samples) for name in names}


class Bound(StrEnum):
    """On which side of its limit a figure meets its target."""

    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised and what was measured; None where this run did not measure it."""

    what: str
    bound: Bound
    limit: float
    measured: float | None
    unit: str = ""

    def verdict(self) -> str:
        """`met`, `not met`, or that it was not measured."""
        if self.measured is None:
            return "not measured"
        # On the figures that are shown: a reader can check them.
        shown, limit = round(self.measured, 3), round(self.limit, 3)
        met = shown <= limit if self.bound is Bound.AT_MOST else shown >= limit
        return "met" if met else "not met"

    def cells(self) -> list[str]:
        """What, the limit, the figure, the verdict."""
        limit = f"{self.bound} {number(self.limit)}{self.unit}"
        found = NOT_MEASURED if self.measured is None else f"{number(self.measured)}{self.unit}"
        return [self.what, limit, found, self.verdict()]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of `values` lie, interpolated."""
    return float(np.percentile(np.asarray(values, np.float64), percent))


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """`ours` as a part of `theirs`; None where either was not measured."""
    return ours / theirs if ours is not None and theirs else None


def number(value: float) -> str:
    """Three digits, more before the point where there are more, never an exponent."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"
