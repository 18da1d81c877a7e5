"""Check-ins as they happened, and what people corrected about them later."""

from datetime import datetime

from sqlalchemy import JSON, Double, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AUTOINCREMENT, Base, UtcDateTime


class CheckIn(Base):
    """One event, written once and never changed; `at` is when it happened as far as we can tell.

    Devices and people are kept by their public names: the event stays when they are deleted.
    `reason` says why nothing was granted. `repeat_of` is the event within whose cooldown it fell.
    `body_sha256` tells a repetition from another event under the same `event_id`.

    The `effective` columns say what counts after corrections, and are set anew by each.

    The `device` columns are what the door decided itself, null where it said nothing: never who it
    was. `review` says that somebody should look at the event, until it was corrected.
    """

    __tablename__ = "checkins"
    __table_args__ = (
        Index(None, "effective_user_id", "effective_at"),
        Index(None, "device_id"),
        AUTOINCREMENT,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(36), unique=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    device_id: Mapped[str | None] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str | None] = mapped_column(String(64))
    face_id: Mapped[int | None]
    similarity: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    direction: Mapped[str | None] = mapped_column(String(8))
    captured_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    late: Mapped[bool]
    clock_suspect: Mapped[bool]
    granted: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(String(32))
    repeat_of: Mapped[int | None] = mapped_column(ForeignKey("checkins.id"), index=True)
    face: Mapped[dict[str, object] | None] = mapped_column(JSON)
    picture: Mapped[str | None] = mapped_column(String(128))
    author: Mapped[str | None] = mapped_column(String(128))
    key_name: Mapped[str | None] = mapped_column(String(128))
    note: Mapped[str | None] = mapped_column(String(512))
    effective_user_id: Mapped[str | None] = mapped_column(String(64))
    effective_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    effective_direction: Mapped[str | None] = mapped_column(String(8))
    voided: Mapped[bool]
    corrected: Mapped[bool]
    device_decision: Mapped[str | None] = mapped_column(String(16))
    device_user_id: Mapped[str | None] = mapped_column(String(64), index=True)
    device_similarity: Mapped[float | None] = mapped_column(Double)
    device_opened: Mapped[bool | None]
    device_review: Mapped[bool | None]
    review: Mapped[bool] = mapped_column(default=False, server_default=false(), index=True)


class Correction(Base):
    """What somebody says about an event instead of what was recorded, never changed either.

    `voided` takes the event out of attendance. Null says nothing about a value: of each value,
    the newest that is said counts. `author` is who is named as such, `key_name` whose key it was.
    """

    __tablename__ = "corrections"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    checkin_id: Mapped[int] = mapped_column(ForeignKey("checkins.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    direction: Mapped[str | None] = mapped_column(String(8))
    voided: Mapped[bool | None]
    reason: Mapped[str] = mapped_column(String(512))
    author: Mapped[str] = mapped_column(String(128))
    key_name: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
