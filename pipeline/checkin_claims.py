"""What a door decided by itself, while the server was away or before it was asked: pure.

A claim stands beside what the server recognizes and never in its place: it names nobody, grants
nothing, and counts for no attendance.
"""

import json
from dataclasses import asdict, dataclass

from core.types import Decision
from db.checkin_models import CheckIn


@dataclass(frozen=True, slots=True)
class Claim:
    """What the door says; by default nothing. `review`: somebody should look at this event."""

    decision: Decision | None = None
    user_id: str | None = None
    similarity: float | None = None
    opened: bool = False
    review: bool = False

    @property
    def says_nothing(self) -> bool:
        return self == NOTHING

    @property
    def text(self) -> str:
        """The same for the same claim only."""
        return json.dumps(asdict(self), sort_keys=True)


NOTHING = Claim()


def write(event: CheckIn, claim: Claim) -> None:
    """Put the claim beside the event."""
    if claim.says_nothing:
        return
    event.device_decision, event.device_user_id = claim.decision, claim.user_id
    event.device_similarity = claim.similarity
    event.device_opened, event.device_review = claim.opened, claim.review


def needs_review(event: CheckIn) -> bool:
    """Whether the door asked for it, or opened for somebody whom the server does not confirm."""
    is_confirmed = (
        event.decision == Decision.MATCH
        and event.user_id is not None
        and event.user_id == event.device_user_id
    )
    return bool(event.device_review) or (bool(event.device_opened) and not is_confirmed)
