"""What is owed to other systems: webhooks with their deliveries, and answers to be repeated."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AUTOINCREMENT, Base, UtcDateTime


class Webhook(Base):
    """An address that wants to know of events. The secret signs, so it is kept as it is.

    Until `previous_until` the secret before this one signs too.
    """

    __tablename__ = "webhooks"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(2048))
    description: Mapped[str | None] = mapped_column(String(256))
    secret: Mapped[str] = mapped_column(String(128))
    previous_secret: Mapped[str | None] = mapped_column(String(128))
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    events: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Delivery(Base):
    """One event for one webhook, until it is delivered or given up.

    `payload` is the very text that is sent and signed. `response_status` and `error` are of the
    last attempt; `attempts` are those since `queued_at`, when it was put into the queue, anew by
    whoever had it tried again. `user_id` is whom the event speaks of.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "webhook_id", "status", "next_attempt_at"), AUTOINCREMENT)

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(
        ForeignKey("webhooks.id", ondelete="CASCADE"), index=True
    )
    message_id: Mapped[str] = mapped_column(String(36))
    type: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(String(64), index=True)
    payload: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    response_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(256))
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class StoredAnswer(Base):
    """The answer to a request with an Idempotency-Key; without `status`, it is being worked on.

    `claim` is whose work it is, since a request may have died in the middle of it. `user_id` is
    whom the answer speaks of, so that it goes with them.
    """

    __tablename__ = "stored_answers"
    __table_args__ = (UniqueConstraint("caller", "key"), AUTOINCREMENT)

    id: Mapped[int] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    claim: Mapped[str] = mapped_column(String(32))
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(String(512))
    user_id: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
