"""When a check-in grants, and when it happened: pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.types import Decision

AHEAD = timedelta(seconds=2)
"""A picture from farther in the future than this grants nothing."""
SUSPECT_AHEAD = timedelta(seconds=60)
SUSPECT_AGE = timedelta(days=30)
"""Beyond these the device's clock is not believed: the event is at its arrival."""


class Reason(StrEnum):
    """Why nothing is granted."""

    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"
    DELETED = "deleted"
    INACTIVE_DEVICE = "inactive_device"
    CLOCK = "clock"
    LATE = "late"
    SLOW = "slow"
    DEVICE = "device"
    DUPLICATE = "duplicate"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Timing:
    """When a picture was taken by the device's clock, and when it came by ours."""

    captured_at: datetime
    received_at: datetime
    fresh: timedelta

    @property
    def late(self) -> bool:
        """Whether it came so long after it was taken that it was queued or replayed."""
        return self.received_at - self.captured_at > self.fresh

    @property
    def clock_suspect(self) -> bool:
        age = self.received_at - self.captured_at
        return age < -SUSPECT_AHEAD or age > SUSPECT_AGE

    @property
    def at(self) -> datetime:
        """When it happened, as far as we can tell."""
        return self.received_at if self.clock_suspect else self.captured_at


def refusal(
    decision: Decision, timing: Timing, now: datetime, *, device_active: bool
) -> Reason | None:
    """Why nothing is granted at the moment `now`; None: it is."""
    if decision is not Decision.MATCH:
        return Reason(decision.value)
    if not device_active:
        return Reason.INACTIVE_DEVICE
    if timing.captured_at - timing.received_at > AHEAD:
        return Reason.CLOCK
    if timing.late:
        return Reason.LATE
    # Waiting and recognizing take time too, and the door opens after them.
    return Reason.SLOW if now - timing.captured_at > timing.fresh else None
