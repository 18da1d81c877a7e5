"""Attendance as the API shows it."""

import datetime

from pydantic import Field

from api.contract.base import Body
from api.contract.paging import Page, PageOptions


class AttendanceFilter(Body):
    """Which days and people."""

    start: datetime.date = Field(alias="from", description="The first local day.")
    end: datetime.date = Field(alias="to", description="The last one; 366 days at most.")
    user_id: str | None = None
    timezone: str | None = Field(None, description="Of the days; absent: KENAL_TIMEZONE.")


class AttendanceQuery(PageOptions, AttendanceFilter):
    """A page of them."""


class AttendanceRow(Body):
    """One person on one local day."""

    date: datetime.date
    user_id: str
    first_in: datetime.datetime | None
    last_out: datetime.datetime | None
    events: int = Field(description="Check-ins that count; repeats do not.")
    corrected: bool = Field(description="A correction or an event entered by hand had a part.")


class AttendancePage(Page):
    timezone: str
    attendance: list[AttendanceRow]
