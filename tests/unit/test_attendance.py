"""First in and last out: a table of days, on both sides of midnight and of changed clocks."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidParameter
from db.checkins import Counted
from pipeline.attendance import MAX_DAYS, Period, Row, bounds, summary

DAY = date(2026, 1, 5)
Said = tuple[str, str | None]


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-05T{clock}+00:00")


def event(
    number: int,
    clock: str,
    direction: str | None,
    *,
    repeat_of: int | None = None,
    voided: bool = False,
    by_hand: bool = False,
) -> Counted:
    return Counted(number, "1042", at(clock), direction, repeat_of, voided, by_hand)


def row_of(events: Sequence[Counted]) -> Row | None:
    return summary(DAY, "1042", events)


@pytest.mark.parametrize(
    ("events", "first_in", "last_out"),
    [
        ([("08:00", "in"), ("17:00", "out")], "08:00", "17:00"),
        ([("08:00", "in"), ("12:00", "out"), ("13:00", "in"), ("17:00", "out")], "08:00", "17:00"),
        ([("08:00", "in")], "08:00", None),
        ([("08:00", "in"), ("09:00", "in")], "08:00", None),
        ([("17:00", "out")], None, "17:00"),
        ([("16:00", "out"), ("17:00", "out")], None, "17:00"),
        ([("08:00", None)], "08:00", None),
        ([("08:00", None), ("17:00", None)], "08:00", "17:00"),
        ([("08:00", None), ("12:00", None), ("17:00", None)], "08:00", "17:00"),
        ([("07:00", None), ("08:00", "in")], "07:00", None),
        ([("08:00", "in"), ("17:00", None)], "08:00", "17:00"),
        ([("08:00", None), ("17:00", "out")], "08:00", "17:00"),
        ([("17:00", "out"), ("18:00", None)], "18:00", "17:00"),
        # A night shift: out in the morning, in again in the evening.
        ([("06:00", "out"), ("22:00", "in")], "22:00", "06:00"),
        ([("00:00", "in"), ("23:59:59.999999", "out")], "00:00", "23:59:59.999999"),
    ],
)
def test_a_day(events: Sequence[Said], first_in: str | None, last_out: str | None) -> None:
    found = row_of([event(n, clock, way) for n, (clock, way) in enumerate(events, 1)])
    assert found == Row(
        DAY,
        "1042",
        at(first_in) if first_in else None,
        at(last_out) if last_out else None,
        len(events),
        corrected=False,
    )


def test_voided_events_count_for_nothing_but_are_a_correction() -> None:
    found = row_of([event(1, "07:00", "in", voided=True, by_hand=True), event(2, "08:00", "in")])
    assert found == Row(DAY, "1042", at("08:00"), None, 1, corrected=True)
    assert row_of([event(1, "07:00", "in", voided=True, by_hand=True)]) is None


def test_repeats_are_no_events_and_their_time_counts_with_their_event() -> None:
    morning = [event(1, "08:00", "in"), event(2, "08:00:10", "in", repeat_of=1)]
    evening = [event(3, "17:00", "out"), event(4, "17:00:20", "out", repeat_of=3)]
    found = row_of([*morning, *evening])
    assert found == Row(DAY, "1042", at("08:00"), at("17:00:20"), 2, corrected=False)


def test_the_repeat_of_the_way_in_is_no_way_out() -> None:
    """Who stands before a door without a direction in the morning has not left."""
    morning = [event(1, "08:00", None), event(2, "08:00:10", None, repeat_of=1)]
    assert row_of(morning) == Row(DAY, "1042", at("08:00"), None, 1, corrected=False)
    evening = [event(3, "17:00", None), event(4, "17:00:10", None, repeat_of=3)]
    found = row_of([*morning, *evening])
    assert found == Row(DAY, "1042", at("08:00"), at("17:00:10"), 2, corrected=False)


def test_a_repeat_that_came_before_its_event_counts_from_then() -> None:
    found = row_of([event(2, "07:59:50", "in", repeat_of=1), event(1, "08:00", "in")])
    assert found == Row(DAY, "1042", at("07:59:50"), None, 1, corrected=False)


def test_a_repeat_without_its_event_is_nothing_unless_people_said_so() -> None:
    assert row_of([event(2, "00:00:05", "in", repeat_of=1)]) is None
    found = row_of([event(2, "00:00:05", "in", repeat_of=1, by_hand=True)])
    assert found == Row(DAY, "1042", at("00:00:05"), None, 1, corrected=True)


def test_the_repeat_of_a_voided_event_alone_is_nothing() -> None:
    voided = event(1, "08:00", "in", voided=True, by_hand=True)
    assert row_of([voided, event(2, "08:00:10", "in", repeat_of=1)]) is None


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-01-05", "2026-01-05T00:00", 24),
        ("Asia/Kuala_Lumpur", "2026-01-05", "2026-01-04T16:00", 24),
        ("Asia/Kathmandu", "2026-01-05", "2026-01-04T18:15", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 24.5),
        # Clocks skip from 00:00 to 01:00: the day begins at 01:00, the moment of the change.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", 23),
        # Clocks go back from 00:00 to 23:00: the last hour of the day is there twice.
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00", 25),
        # Clocks go back from 01:00 to 00:00: the day begins with the first of two midnights.
        ("America/Havana", "2025-11-02", "2025-11-02T04:00", 25),
        # A day that was not there.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", 0),
    ],
)
def test_a_local_day_begins_and_ends_at_midnight(
    zone: str, day: str, start: str, hours: float
) -> None:
    first, last = bounds(date.fromisoformat(day), ZoneInfo(zone))
    assert first == datetime.fromisoformat(f"{start}+00:00")
    assert last - first == timedelta(hours=hours)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "America/Havana", "UTC"])
def test_every_moment_of_a_year_is_in_the_day_that_clocks_show(zone: str) -> None:
    clock = ZoneInfo(zone)
    moment = datetime(2018, 1, 2, tzinfo=UTC)
    while moment.year == 2018:
        first, last = bounds(moment.astimezone(clock).date(), clock)
        assert first <= moment < last
        moment += timedelta(minutes=30)


def test_days_are_at_most_a_year() -> None:
    zone = ZoneInfo("UTC")
    last = DAY + timedelta(days=MAX_DAYS - 1)
    assert Period(DAY, last, zone).last == last
    for wrong in (last + timedelta(days=1), DAY - timedelta(days=1)):
        with pytest.raises(InvalidParameter):
            Period(DAY, wrong, zone)
