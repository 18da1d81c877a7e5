"""Check-ins as the API takes and shows them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints, model_validator

from api.contract.base import Answer, Body
from api.contract.moments import Moment, Name
from api.contract.paging import Page, PageOptions
from api.contract.recognition import Face
from api.contract.users import Person
from core.types import Decision
from pipeline.checkins_rules import Reason
from pipeline.devices import Direction

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]


class Source(StrEnum):
    """Where an event comes from."""

    DEVICE = "device"
    MANUAL = "manual"


class Said(StrEnum):
    """What an event says of the face."""

    MATCH = "match"
    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"
    MANUAL = "manual"


class CheckInOptions(Body):
    """Beside the photo of a check-in."""

    event_id: UUID = Field(description="New for every event; the same when it is sent again.")
    device_id: str | None = Field(None, description="Absent: the device of the key.")
    captured_at: Moment = Field(description="When the photo was taken, by the device's clock.")
    direction: Direction | None = Field(None, description="Absent: the device's own.")
    device_decision: Decision | None = Field(None, description="What the device decided itself.")
    device_user_id: str | None = Field(None, description="Whom it matched; with `match` only.")
    device_similarity: float | None = Field(None, ge=-1, le=1, description="Of the nearest face.")
    device_opened: bool = Field(
        False, description="Whether it opened, or let somebody in, by itself."
    )
    review: bool = Field(False, description="Whether somebody should look at the event.")


class CheckInFilter(Body):
    """Which check-ins; people, directions and times are those after corrections."""

    user_id: str | None = None
    device_id: str | None = None
    decision: Said | None = None
    direction: Direction | None = None
    source: Source | None = None
    review: bool | None = Field(None, description="Whether somebody should look at it.")
    start: Moment | None = Field(None, alias="from", description="The first moment.")
    end: Moment | None = Field(None, alias="to", description="The first moment after the last.")


class CheckInQuery(PageOptions, CheckInFilter):
    """A page of them."""


class CorrectionBody(Body):
    """What is said instead of what was recorded; what is absent or null stays."""

    user_id: str | None = Field(None, min_length=1, max_length=64)
    at: Moment | None = None
    direction: Direction | None = None
    voided: StrictBool | None = Field(None, description="Whether it counts for nothing.")
    reason: Words
    author: Name | None = Field(None, description="Who says so; absent: the key's name.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.user_id, self.at, self.direction, self.voided) == (None,) * 4:
            raise ValueError("say user_id, at, direction or voided")
        return self


class ManualBody(Body):
    """An event that no device saw."""

    user_id: str = Field(min_length=1, max_length=64)
    at: Moment
    direction: Direction | None = None
    reason: Words
    author: Name | None = Field(None, description="Who says so; absent: the key's name.")


class Correction(Body):
    """What somebody said later; null says nothing about a value."""

    user_id: str | None
    at: datetime | None
    direction: Direction | None
    voided: bool | None
    reason: str
    author: str
    key_name: str = Field(description="The key it came with.")
    created_at: datetime


class Effective(Body):
    """What counts, after all corrections."""

    user_id: str | None
    at: datetime
    direction: Direction | None
    voided: bool


class Claim(Body):
    """What the device decided itself: beside what was recognized, never in its place."""

    decision: Decision | None
    user_id: str | None
    similarity_score: float | None
    opened: bool
    review: bool = Field(description="Whether it asked that somebody looks at the event.")


class CheckIn(Body):
    """An event as it was recorded, what was said of it since, and what counts."""

    event_id: str
    source: Source
    device_id: str | None
    decision: Said
    user_id: str | None
    face_id: int | None
    similarity_score: float | None
    threshold: float | None
    direction: Direction | None
    captured_at: datetime = Field(description="By the device's clock.")
    received_at: datetime
    at: datetime = Field(description="When it happened, as far as we can tell.")
    late: bool = Field(description="It came longer after its photo than a grant allows.")
    clock_suspect: bool = Field(description="`captured_at` cannot be, so `at` is `received_at`.")
    granted: bool = Field(description="Whether it opened; a repetition never does.")
    reason: Reason | None = Field(description="Why nothing was granted.")
    repeat_of: str | None = Field(description="The event within whose cooldown it fell.")
    face: Face | None
    has_picture: bool
    author: str | None
    key_name: str | None
    note: str | None
    device: Claim | None = Field(description="Null: it decided nothing itself.")
    review: bool = Field(description="Somebody should look at it; a correction ends that.")
    corrections: list[Correction] = Field(description="Oldest first.")
    effective: Effective


class CheckInAnswer(CheckIn, Answer):
    """One event."""


class CheckInsPage(Page):
    checkins: list[CheckIn]


class NewCheckIn(CheckInAnswer):
    """A check-in that was taken: open where `grant` says so, and only now."""

    grant: bool = Field(description="Open; said at most once for an event.")
    duplicate: bool = Field(description="It was recorded before.")
    profile: Person | None = Field(description="Whom it names, as they are now.")
