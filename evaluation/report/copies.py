"""Copies of one photo under one person: pairs that nobody could get wrong."""

from collections.abc import Iterator

import numpy as np

from evaluation.evaluate import Evaluation
from evaluation.verification import Verification

ALIKE = 0.999
"""Above it, two photos are hardly two: a photo saved anew is as similar to the first."""


def copies(found: Verification) -> int:
    """How many pairs of one person are so similar as only copies are."""
    return int(np.sum(found.scores.genuine > ALIKE))


def warnings(found: Evaluation) -> Iterator[str]:
    """A line for each embedder that saw such pairs."""
    for result in found.results:
        count, pairs = copies(result.verification), result.verification.fnmr.trials
        if count:
            yield (
                f"{result.embedder}: {count:,} of {pairs:,} pairs of one person have a similarity"
                f" above {ALIKE:g}: copies of one photo? They flatter every figure"
            )
