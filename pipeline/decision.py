"""From candidates to a decision: pure, and the only place that says `match`."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Decision
from pipeline.gallery import Candidate


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold`: least similarity of a match; `margin`: how far behind any second person is."""

    threshold: float
    margin: float


def decide(candidates: Sequence[Candidate], rule: Rule) -> Decision:
    """Identification (1:N) among different people, nearest first."""
    if not candidates or candidates[0].similarity < rule.threshold:
        return Decision.NO_MATCH
    # The second counts even below the threshold: its nearness is what makes the name doubtful.
    if len(candidates) > 1 and candidates[0].similarity - candidates[1].similarity < rule.margin:
        return Decision.AMBIGUOUS
    return Decision.MATCH


def verify(claimed: Candidate | None, rule: Rule) -> Decision:
    """Verification (1:1) against the nearest face of the claimed person."""
    if claimed is None or claimed.similarity < rule.threshold:
        return Decision.NO_MATCH
    return Decision.MATCH
