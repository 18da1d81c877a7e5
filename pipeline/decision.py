"""From candidates to a decision: pure, and the only place that says `match`."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Decision
from pipeline.gallery import Candidate

_ROUNDING = 1e-6
"""Similarities of float32 vectors that differ by less are equal as far as anybody can tell."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold`: least similarity of a match; `margin`: any second person is farther behind.

    `calibration` is the number of the one that the threshold is of; None where it is of none.
    """

    threshold: float
    margin: float
    calibration: int | None = None

    def is_close(self, best: float, other: float) -> bool:
        """Whether the two cannot be told apart; an exact tie always, whatever the margin."""
        return best - other <= self.margin + _ROUNDING


def decide(candidates: Sequence[Candidate], rule: Rule) -> Decision:
    """Identification (1:N) among different people, nearest first."""
    # So written, what is not a number is no match.
    if not candidates or not candidates[0].similarity >= rule.threshold:
        return Decision.NO_MATCH
    # The second counts even below the threshold: its nearness is what makes the name doubtful.
    if len(candidates) > 1 and rule.is_close(candidates[0].similarity, candidates[1].similarity):
        return Decision.AMBIGUOUS
    return Decision.MATCH


def verify(claimed: Candidate | None, rule: Rule) -> Decision:
    """Verification (1:1) against the nearest face of the claimed person."""
    if claimed is None or not claimed.similarity >= rule.threshold:
        return Decision.NO_MATCH
    return Decision.MATCH
