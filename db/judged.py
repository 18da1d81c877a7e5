"""Recorded check-ins by the similarity that they were judged on: what another threshold says."""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.types import Decision
from db.checkin_models import CheckIn


@dataclass(frozen=True, slots=True)
class Judged:
    """Check-ins judged at one threshold.

    `below` of the `matches` are of a similarity that another threshold refuses, `above` of the
    `unnamed` of one that it does not.
    """

    matches: int
    below: int
    unnamed: int
    above: int


def judged_at(session: Session, threshold: float, other: float) -> Judged:
    """Check-ins that were judged at `threshold`, looked at by the `other`."""
    is_match, is_none = (
        CheckIn.decision == decision for decision in (Decision.MATCH, Decision.NO_MATCH)
    )
    wanted = (
        is_match,
        is_match & (CheckIn.similarity < other),
        is_none,
        is_none & (CheckIn.similarity >= other),
    )
    counted = [func.coalesce(func.sum(case((which, 1), else_=0)), 0) for which in wanted]
    row = session.execute(select(*counted).where(CheckIn.threshold == threshold)).one()
    return Judged(*(int(number) for number in row))
