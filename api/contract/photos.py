"""Photos of people, and the ledger, as the API takes and shows them."""

from datetime import datetime

from pydantic import Field

from api.contract.base import Answer, Body
from api.contract.paging import Page, PageOptions
from core.settings import EnrollMode
from db.photos import Status


class EnrollOptions(Body):
    mode: EnrollMode | None = Field(
        None, description="How good the face must be; absent: KENAL_ENROLL_MODE."
    )
    accept: bool = Field(
        False, description="Enroll it although it contradicts the enrolled faces; for admins."
    )


class LedgerOptions(PageOptions):
    status: Status | None = Field(None, description="pending, enrolled, rejected or conflict.")
    user_id: str | None = Field(None, description="One person's.")


class Photo(Body):
    """A row of the ledger."""

    id: int
    path: str = Field(description="Relative to the drop folder.")
    user_id: str | None
    status: Status
    code: str | None = Field(description="Why it is not enrolled.")
    message: str | None
    face_id: int | None
    present: bool = Field(description="Whether the file is there.")
    created_at: datetime
    updated_at: datetime


class PhotoAnswer(Photo, Answer):
    """One photo."""


class Warned(Body):
    """A word about what was enrolled all the same: an issue of quality, or `face_conflict`."""

    code: str
    message: str
    user_id: str | None = Field(None, description="Who looks the same.")
    similarity_score: float | None = None


class EnrolledPhoto(PhotoAnswer):
    duplicate: bool = Field(description="Whether these very bytes were enrolled before.")
    warnings: list[Warned]


class PhotoPage(Page):
    photos: list[Photo]


class Counts(Body):
    """They add up: seen is the sum of the others."""

    seen: int
    pending: int
    enrolled: int
    rejected: int
    conflict: int


class LedgerPage(PhotoPage):
    counts: Counts
