"""Check-ins: written once, listed newest first, read by what counts after corrections."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import NotFound
from db.checkin_models import CheckIn, Correction

_ROWS_AT_ONCE = 1000


class AlreadyRecorded(Exception):
    """Another transaction has recorded this event since it was looked for."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; null is all. People, directions and times are those after corrections."""

    user_id: str | None = None
    device_id: str | None = None
    decision: str | None = None
    direction: str | None = None
    source: str | None = None
    review: bool | None = None
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        wanted = (
            (CheckIn.effective_user_id, self.user_id),
            (CheckIn.device_id, self.device_id),
            (CheckIn.decision, self.decision),
            (CheckIn.effective_direction, self.direction),
            (CheckIn.source, self.source),
            (CheckIn.review, self.review),
        )
        yield from (column == value for column, value in wanted if value is not None)
        if self.start is not None:
            yield CheckIn.effective_at >= self.start
        if self.end is not None:
            yield CheckIn.effective_at < self.end


def find(session: Session, event_id: str) -> CheckIn | None:
    """The event; None where there is none."""
    statement = select(CheckIn).where(CheckIn.event_id == event_id)
    return session.execute(statement).scalar_one_or_none()


def get(session: Session, event_id: str) -> CheckIn:
    """The event; raises NotFound."""
    found = find(session, event_id)
    if found is None:
        raise NotFound("there is no check-in with this event_id")
    return found


def by_id(session: Session, row_id: int) -> CheckIn:
    """The event of a row that is there."""
    return session.get_one(CheckIn, row_id)


def add(session: Session, event: CheckIn) -> None:
    """Write an event; raises AlreadyRecorded, which ends the transaction."""
    session.add(event)
    try:
        session.flush()
    except IntegrityError:
        raise AlreadyRecorded from None


def counted_near(session: Session, event: CheckIn, cooldown: timedelta) -> CheckIn | None:
    """The earliest counted event of the same person, device and direction within `cooldown`.

    None that was corrected: a repeat would go along with what was said before it came.
    """
    near = (
        CheckIn.effective_user_id == event.effective_user_id,
        CheckIn.effective_at > event.effective_at - cooldown,
        CheckIn.effective_at < event.effective_at + cooldown,
        CheckIn.device_id == event.device_id,
        CheckIn.effective_direction.is_not_distinct_from(event.effective_direction),
        CheckIn.repeat_of.is_(None),
        CheckIn.corrected.is_(False),
    )
    statement = select(CheckIn).where(*near).order_by(CheckIn.effective_at, CheckIn.id).limit(1)
    return session.execute(statement).scalar_one_or_none()


def repeats_of(session: Session, event: CheckIn) -> Sequence[CheckIn]:
    """The events that fell within the cooldown of this one."""
    statement = select(CheckIn).where(CheckIn.repeat_of == event.id).order_by(CheckIn.id)
    return session.execute(statement).scalars().all()


def page(session: Session, before_id: int | None, limit: int, wanted: Filter) -> Sequence[CheckIn]:
    """Events newest first, those before row `before_id`."""
    statement = select(CheckIn).where(*wanted.conditions()).order_by(CheckIn.id.desc())
    if before_id is not None:
        statement = statement.where(CheckIn.id < before_id)
    return session.execute(statement.limit(limit)).scalars().all()


def event_ids(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The public names of these rows."""
    if not ids:
        return {}
    statement = select(CheckIn.id, CheckIn.event_id).where(CheckIn.id.in_(ids))
    return {row.id: row.event_id for row in session.execute(statement)}


@dataclass(frozen=True, slots=True)
class Counted:
    """What attendance needs of an event; `by_hand`: corrected, or never a device's."""

    id: int
    user_id: str
    at: datetime
    direction: str | None
    repeat_of: int | None
    voided: bool
    by_hand: bool


def counted(
    session: Session,
    start: datetime,
    end: datetime,
    *,
    user_id: str | None = None,
    after_user: str | None = None,
) -> Iterator[Counted]:
    """Events of people in [start, end), person by person and in order; voided ones too."""
    columns = (
        CheckIn.id,
        CheckIn.effective_user_id,
        CheckIn.effective_at,
        CheckIn.effective_direction,
        CheckIn.repeat_of,
        CheckIn.voided,
        or_(CheckIn.corrected, CheckIn.source == "manual"),
    )
    statement = (
        select(*columns)
        .where(CheckIn.effective_at >= start, CheckIn.effective_at < end)
        .where(CheckIn.effective_user_id.is_not(None))
        .order_by(CheckIn.effective_user_id, CheckIn.effective_at, CheckIn.id)
    )
    if user_id is not None:
        statement = statement.where(CheckIn.effective_user_id == user_id)
    if after_user is not None:
        statement = statement.where(CheckIn.effective_user_id > after_user)
    found = session.execute(statement.execution_options(yield_per=_ROWS_AT_ONCE))
    for row_id, person, at, direction, repeat_of, voided, by_hand in found:
        if person is not None:
            yield Counted(row_id, person, at, direction, repeat_of, voided, by_hand)


def next_at(session: Session, start: datetime, *, user_id: str | None = None) -> datetime | None:
    """When the first event of anybody, or of this person, from `start` on is."""
    statement = select(CheckIn.effective_at).where(CheckIn.effective_at >= start)
    if user_id is not None:
        statement = statement.where(CheckIn.effective_user_id == user_id)
    return session.execute(statement.order_by(CheckIn.effective_at).limit(1)).scalar_one_or_none()


def with_pictures(session: Session, names: Collection[str]) -> set[str]:
    """Those of these picture names that an event has."""
    statement = select(CheckIn.picture).where(CheckIn.event_id.in_([_event_of(n) for n in names]))
    return {name for name in session.execute(statement).scalars() if name is not None}


def forget_pictures(session: Session, names: Collection[str]) -> None:
    """No event has these pictures any more."""
    ours = CheckIn.event_id.in_([_event_of(name) for name in names])
    session.execute(update(CheckIn).where(ours, CheckIn.picture.in_(names)).values(picture=None))


def forget_person(session: Session, user_id: str) -> list[str]:
    """Take the pictures of a person from their events, which stay; the pictures' names."""
    once = select(Correction.checkin_id).where(Correction.user_id == user_id)
    moved = select(Correction.checkin_id).where(Correction.user_id.is_not(None))
    theirs = (
        CheckIn.effective_user_id == user_id,
        CheckIn.device_user_id == user_id,
        CheckIn.id.in_(once),
        (CheckIn.id.in_(moved)) & (CheckIn.user_id == user_id),
        # Repeats went along with what was said of the event they repeat.
        CheckIn.repeat_of.in_(once),
        (CheckIn.repeat_of.in_(moved)) & (CheckIn.user_id == user_id),
    )
    statement = select(CheckIn).where(or_(*theirs), CheckIn.picture.is_not(None))
    names = []
    for event in session.execute(statement).scalars():
        names.append(event.picture or "")
        event.picture = None
    session.flush()
    return names


def _event_of(picture: str) -> str:
    """The event that a picture's name, `<day>/<event_id>.<kind>`, tells."""
    return picture.rsplit("/", 1)[-1].split(".", 1)[0]
