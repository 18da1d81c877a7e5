"""/attendance: first in and last out, per day and person."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from api.answers import answer
from api.context import services
from api.contract.attendance import AttendanceFilter, AttendancePage, AttendanceQuery
from api.contract.operation import needs, operation
from api.csv_answers import csv_answer
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import foreign, limit_of, place_of, written
from api.schemas import Json, of_time
from core.access import Scope
from core.errors import InvalidParameter
from core.names import normalize_user_id
from db.session import Database
from pipeline.attendance import Period, Row, rows

COLUMNS = ("date", "user_id", "first_in", "last_out", "events", "corrected", "timezone")
_FILTERS = frozenset(["from", "to", "user_id", "timezone"])
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS = range(1970, 9999)
_KIND = "day"
_ROWS_AT_ONCE = 5000
Place = tuple[date, str]

attendance = Blueprint("attendance", __name__)


@attendance.get("/attendance")
@operation(
    "First in and last out, by day and person",
    needs(Scope.READ),
    answers={200: AttendancePage},
    errors=("invalid_name",),
    query=AttendanceQuery,
)
def list_days() -> Response:
    options = Options.of_query(request, PAGING | _FILTERS)
    period, user_id, limit = _period(options), _user_id(options), limit_of(options)
    found = _rows(services().database, period, user_id, _place(options), limit + 1)
    shown = found[:limit]
    cursor = _cursor(shown[-1]) if len(found) > limit else None
    return answer(
        {
            "timezone": period.zone.key,
            "attendance": [_shown(row) for row in shown],
            "next_cursor": cursor,
        }
    )


@attendance.get("/attendance.csv")
@operation(
    "First in and last out as a table, in local time",
    needs(Scope.READ),
    errors=("invalid_name",),
    query=AttendanceFilter,
    media_type="text/csv",
)
def table() -> Response:
    options = Options.of_query(request, _FILTERS)
    parts = _parts(services().database, _period(options), _user_id(options))
    return csv_answer("attendance.csv", COLUMNS, parts)


def _rows(
    database: Database, period: Period, user_id: str | None, after: Place | None, limit: int
) -> list[Row]:
    with database.read() as session:
        return list(islice(rows(session, period, user_id=user_id, after=after), limit))


def _parts(
    database: Database, period: Period, user_id: str | None
) -> Iterator[Sequence[Sequence[object]]]:
    """The whole table; no transaction is held open for a slow reader."""
    after: Place | None = None
    while True:
        found = _rows(database, period, user_id, after, _ROWS_AT_ONCE)
        yield [_cells(row, period.zone) for row in found]
        if len(found) < _ROWS_AT_ONCE:
            return
        after = (found[-1].day, found[-1].user_id)


def _period(options: Options) -> Period:
    return Period(_day(options, "from"), _day(options, "to"), _zone(options))


def _day(options: Options, name: str) -> date:
    text = options.text(name)
    try:
        found = date.fromisoformat(text) if text and _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise InvalidParameter(f"{name} is a day like 2026-01-31", {"parameter": name})
    return found


def _zone(options: Options) -> ZoneInfo:
    name = options.text("timezone")
    try:
        return ZoneInfo(services().settings.timezone if name is None else name)
    except (ValueError, OSError, LookupError):
        # Of any name but a zone's; some are paths of folders.
        raise InvalidParameter(
            "timezone is like Asia/Kuala_Lumpur", {"parameter": "timezone"}
        ) from None


def _user_id(options: Options) -> str | None:
    text = options.text("user_id")
    return None if text is None else normalize_user_id(text)


def _place(options: Options) -> Place | None:
    place = place_of(options, _KIND)
    if place is None:
        return None
    day, _, user_id = place.partition(" ")
    try:
        return date.fromisoformat(day), normalize_user_id(user_id)
    except ValueError:
        raise foreign() from None


def _cursor(row: Row) -> str:
    return written(_KIND, f"{row.day.isoformat()} {row.user_id}")


def _shown(row: Row) -> Json:
    return {
        "date": row.day.isoformat(),
        "user_id": row.user_id,
        "first_in": of_time(row.first_in) if row.first_in else None,
        "last_out": of_time(row.last_out) if row.last_out else None,
        "events": row.events,
        "corrected": row.corrected,
    }


def _cells(row: Row, zone: ZoneInfo) -> list[object]:
    first, last = _local(row.first_in, zone), _local(row.last_out, zone)
    day = row.day.isoformat()
    return [day, row.user_id, first, last, row.events, row.corrected, zone.key]


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """As a spreadsheet reads it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else None
