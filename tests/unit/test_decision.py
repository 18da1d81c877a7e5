"""The table of decisions."""

import pytest

from core.types import Decision
from pipeline.decision import Rule, decide, verify
from pipeline.gallery import Candidate

RULE = Rule(threshold=0.6, margin=0.02)


def people(*scores: float) -> list[Candidate]:
    return [Candidate(f"p{i}", i, score) for i, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("scores", "decision"),
    [
        ((), Decision.NO_MATCH),
        ((0.59,), Decision.NO_MATCH),
        ((0.6,), Decision.MATCH),
        ((0.9, 0.5), Decision.MATCH),
        ((0.9, 0.87), Decision.MATCH),
        ((0.9, 0.89), Decision.AMBIGUOUS),
        ((0.9, 0.88), Decision.AMBIGUOUS),
        ((float("nan"),), Decision.NO_MATCH),
        ((0.9, 0.879), Decision.MATCH),
        ((0.605, 0.595), Decision.AMBIGUOUS),
        ((0.599, 0.598), Decision.NO_MATCH),
    ],
)
def test_identification(scores: tuple[float, ...], decision: Decision) -> None:
    assert decide(people(*scores), RULE) is decision


def test_an_exact_tie_is_ambiguous_even_without_a_margin() -> None:
    no_margin = Rule(threshold=0.6, margin=0)
    assert decide(people(0.9, 0.9), no_margin) is Decision.AMBIGUOUS
    assert decide(people(0.9, 0.8999), no_margin) is Decision.MATCH


def test_verification_looks_at_the_claimed_person_alone() -> None:
    assert verify(people(0.61)[0], RULE) is Decision.MATCH
    assert verify(people(0.59)[0], RULE) is Decision.NO_MATCH
    assert verify(None, RULE) is Decision.NO_MATCH


def test_what_is_not_a_number_verifies_nobody() -> None:
    assert verify(Candidate("p", 1, float("nan")), RULE) is Decision.NO_MATCH
