"""What people say about check-ins later: corrections, and events entered by hand.

Nothing recorded is overwritten: what counts is computed from the event and all its corrections.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from core.errors import InvalidParameter
from core.files import sha256_bytes
from db import checkins, corrections, users
from db.checkin_models import CheckIn, Correction
from db.session import Session
from pipeline.checkins_rules import Reason

MANUAL = "manual"
"""Source and decision of an event entered by hand."""
_AHEAD = timedelta(seconds=60)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of an event and why; null says nothing about that value."""

    reason: str
    author: str
    key_name: str
    user_id: str | None = None
    at: datetime | None = None
    direction: str | None = None
    voided: bool | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What counts of an event."""

    user_id: str | None
    at: datetime
    direction: str | None
    voided: bool = False

    def after(self, said: Correction) -> "Effective":
        return Effective(
            self.user_id if said.user_id is None else said.user_id,
            self.at if said.at is None else said.at,
            self.direction if said.direction is None else said.direction,
            self.voided if said.voided is None else said.voided,
        )


def effective(recorded: Effective, said: Iterable[Correction]) -> Effective:
    """The newest word on each value."""
    for correction in said:
        recorded = recorded.after(correction)
    return recorded


def shared(
    recorded: Effective, original: Effective, of_original: Sequence[Correction]
) -> Effective:
    """A repeat after what is said of the event it repeats: moved in time by as much as that."""
    moved = effective(original, of_original).at - original.at
    return replace(effective(recorded, of_original), at=recorded.at + moved)


def correct(session: Session, event_id: str, said: Said) -> CheckIn:
    """Write a correction down and compute anew what counts.

    Raises NotFound for an unknown event or person, InvalidParameter for a time that cannot be.
    """
    event = checkins.get(session, event_id)
    if said.user_id is not None:
        users.get(session, said.user_id)
    if said.at is not None:
        _check_time(said.at)
    correction = Correction(
        checkin_id=event.id,
        user_id=said.user_id,
        at=said.at,
        direction=said.direction,
        voided=said.voided,
        reason=said.reason,
        author=said.author,
        key_name=said.key_name,
        created_at=datetime.now(UTC),
    )
    corrections.add(session, correction)
    _recompute(session, event)
    event.review = False
    return event


def enter(session: Session, user_id: str, at: datetime, said: Said) -> CheckIn:
    """An event that no device sent; raises NotFound, InvalidParameter as `correct`."""
    users.get(session, user_id)
    _check_time(at)
    event_id = str(uuid.uuid4())
    event = CheckIn(
        event_id=event_id,
        body_sha256=sha256_bytes(event_id.encode()),
        source=MANUAL,
        decision=MANUAL,
        user_id=user_id,
        direction=said.direction,
        captured_at=at,
        received_at=datetime.now(UTC),
        at=at,
        late=False,
        clock_suspect=False,
        granted=False,
        reason=Reason.MANUAL,
        author=said.author,
        key_name=said.key_name,
        note=said.reason,
        effective_user_id=user_id,
        effective_at=at,
        effective_direction=said.direction,
        voided=False,
        corrected=False,
    )
    checkins.add(session, event)
    return event


def _recompute(session: Session, event: CheckIn) -> None:
    """What counts of this event and of those that repeat it."""
    original = checkins.by_id(session, event.repeat_of) if event.repeat_of else None
    repeats = checkins.repeats_of(session, event)
    touched = [event, *repeats] if original is None else [original, event]
    said = corrections.of(session, [row.id for row in touched])
    first = touched[0]
    _set(first, effective(_recorded(first), said[first.id]), said[first.id])
    for repeat in touched[1:]:
        base = shared(_recorded(repeat), _recorded(first), said[first.id])
        _set(repeat, effective(base, said[repeat.id]), said[repeat.id])


def _recorded(event: CheckIn) -> Effective:
    return Effective(event.user_id, event.at, event.direction)


def _set(event: CheckIn, value: Effective, own: Sequence[Correction]) -> None:
    event.effective_user_id, event.effective_at = value.user_id, value.at
    event.effective_direction, event.voided = value.direction, value.voided
    event.corrected = bool(own)


def _check_time(at: datetime) -> None:
    if not _EARLIEST <= at <= datetime.now(UTC) + _AHEAD:
        raise InvalidParameter("at is between the year 2000 and now", {"parameter": "at"})
