"""When a check-in grants: every reason, and the borders between them."""

from datetime import UTC, datetime, timedelta

import pytest

from core.types import Decision
from pipeline.checkins_rules import Reason, Timing, refusal

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FRESH = timedelta(seconds=10)


def ago(seconds: float) -> Timing:
    return Timing(NOON - timedelta(seconds=seconds), NOON, FRESH)


@pytest.mark.parametrize(
    ("decision", "age", "worked", "active", "reason"),
    [
        (Decision.MATCH, 0, 0, True, None),
        (Decision.MATCH, 10, 0, True, None),
        (Decision.MATCH, 10.001, 0, True, Reason.LATE),
        (Decision.MATCH, 9, 1, True, None),
        (Decision.MATCH, 9, 1.001, True, Reason.SLOW),
        (Decision.MATCH, -2, 0, True, None),
        (Decision.MATCH, -2.001, 0, True, Reason.CLOCK),
        # Time that passes makes no picture of the future a good one.
        (Decision.MATCH, -3, 5, True, Reason.CLOCK),
        (Decision.MATCH, 0, 0, False, Reason.INACTIVE_DEVICE),
        (Decision.NO_MATCH, 0, 0, True, Reason.NO_MATCH),
        (Decision.AMBIGUOUS, 0, 0, True, Reason.AMBIGUOUS),
        (Decision.NO_MATCH, 99, 0, False, Reason.NO_MATCH),
    ],
)
def test_a_grant_needs_everything(
    decision: Decision, age: float, worked: float, active: bool, reason: Reason | None
) -> None:
    now = NOON + timedelta(seconds=worked)
    assert refusal(decision, ago(age), now, device_active=active) is reason


@pytest.mark.parametrize(
    ("age", "suspect"),
    [(-60, False), (-60.001, True), (30 * 86400, False), (30 * 86400 + 1, True)],
)
def test_a_clock_is_believed_within_bounds(age: float, suspect: bool) -> None:
    timing = ago(age)
    assert timing.clock_suspect is suspect
    assert timing.at == (NOON if suspect else timing.captured_at)
