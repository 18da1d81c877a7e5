"""Attendance: first in and last out of each person on each local day.

A day is from midnight to midnight by the clock of a time zone, so it may have 23 or 25 hours.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from core.errors import InvalidParameter
from db import checkins
from db.checkins import Counted
from db.session import Session
from pipeline.devices import Direction

MAX_DAYS = 366
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One person on one day. `events` counts no repeats; `corrected`: people had a hand in it."""

    day: date
    user_id: str
    first_in: datetime | None
    last_out: datetime | None
    events: int
    corrected: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, the last one included; raises InvalidParameter for none or too many."""

    first: date
    last: date
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days < MAX_DAYS:
            raise InvalidParameter(
                f"from is not after to, and they span at most {MAX_DAYS} days",
                {"parameter": "to"},
            )


@dataclass(frozen=True, slots=True)
class _Visit:
    """A counted event with its repeats: from when to when."""

    direction: str | None
    start: datetime
    end: datetime


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a local day begins, and when the next one does."""
    return _midnight(day, zone), _midnight(day + _DAY, zone)


def summary(day: date, user_id: str, events: Iterable[Counted]) -> Row | None:
    """What a person's events of a day, in order, come to; None where nothing counts.

    An event without a direction is the way in where it is the day's first, else a way out.
    """
    found = list(events)
    visits = _visits([event for event in found if not event.voided])
    if not visits:
        return None
    ins = [visit for visit in visits if visit.direction != Direction.OUT]
    first = min(ins, key=lambda visit: visit.start, default=None)
    outs = [v for v in visits if v.direction != Direction.IN and v is not first]
    return Row(
        day,
        user_id,
        first_in=first.start if first else None,
        last_out=max((visit.end for visit in outs), default=None),
        events=len(visits),
        corrected=any(event.by_hand for event in found),
    )


def rows(
    session: Session,
    period: Period,
    *,
    user_id: str | None = None,
    after: tuple[date, str] | None = None,
) -> Iterator[Row]:
    """Days in order, people in order within each; those after the row of `after`."""
    day, skip = after if after and after[0] >= period.first else (period.first, None)
    while day <= period.last:
        start, end = bounds(day, period.zone)
        found = checkins.counted(session, start, end, user_id=user_id, after_user=skip)
        for person, events in groupby(found, key=lambda event: event.user_id):
            row = summary(day, person, events)
            if row is not None:
                yield row
        # Days without events are not asked for one by one.
        following = checkins.next_at(session, end, user_id=user_id)
        if following is None:
            return
        day, skip = max(following.astimezone(period.zone).date(), day + _DAY), None


def _visits(events: Sequence[Counted]) -> list[_Visit]:
    """Repeats belong to their events; without them, on another day say, they are nothing."""
    spans: dict[int, list[Counted]] = {}
    for event in events:
        if event.repeat_of is None or event.by_hand:
            spans[event.id] = [event]
    for event in events:
        if event.id not in spans and event.repeat_of in spans:
            spans[event.repeat_of].append(event)
    return [
        _Visit(span[0].direction, min(e.at for e in span), max(e.at for e in span))
        for span in spans.values()
    ]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Where clocks skip midnight, its time before the change is the moment of the change.
    return datetime.combine(day, time(), zone).astimezone(UTC)
