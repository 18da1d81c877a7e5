"""What a face costs a network on one thread, as on a small device."""

import time
from dataclasses import dataclass

import numpy as np

from core.types import Matrix
from training.converting import Run

_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds a face over `runs`, on one thread of the machine that measured."""

    runs: int
    median_ms: float
    p90_ms: float


def timed(run: Run, batch: Matrix, runs: int = 50) -> Timing:
    """Run a batch of one again and again, after a few runs that do not count."""
    for _ in range(_WARM_UP):
        run(batch)
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        run(batch)
        found.append((time.perf_counter() - began) * 1000)
    return Timing(runs, float(np.median(found)), float(np.percentile(found, 90)))
