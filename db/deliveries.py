"""The queue of webhooks, which is its log too: a row per event and webhook.

Pending rows wait for `next_attempt_at`; the others tell what became of them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from db.delivery_models import Delivery, Webhook


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it is sent; `id` is the same for every webhook and every attempt."""

    id: str
    type: str
    payload: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery claimed for one attempt, and what sending it takes; `number` counts from 1."""

    delivery_id: int
    webhook_id: int
    number: int
    message_id: str
    payload: str
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """What an attempt came to; `retry_at` where it is tried again."""

    status: DeliveryStatus
    response_status: int | None
    error: str | None
    retry_at: datetime | None


def add(session: Session, webhook_ids: Sequence[int], message: Message) -> list[Delivery]:
    """Queue a message for these webhooks, due at once."""
    now = datetime.now(UTC)
    rows = [
        Delivery(
            webhook_id=webhook_id,
            message_id=message.id,
            type=message.type,
            user_id=message.user_id,
            payload=message.payload,
            status=DeliveryStatus.PENDING,
            attempts=0,
            next_attempt_at=now,
            queued_at=now,
            created_at=now,
        )
        for webhook_id in webhook_ids
    ]
    session.add_all(rows)
    session.flush()
    return rows


def get(session: Session, webhook_id: int, delivery_id: int) -> Delivery:
    """A delivery of this webhook; raises NotFound."""
    row = session.get(Delivery, delivery_id)
    if row is None or row.webhook_id != webhook_id:
        raise NotFound("this webhook has no such delivery")
    return row


def page(
    session: Session,
    webhook_id: int,
    before_id: int | None,
    limit: int,
    status: DeliveryStatus | None = None,
) -> Sequence[Delivery]:
    """Deliveries of a webhook, newest first, those before row `before_id`."""
    statement = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if before_id is not None:
        statement = statement.where(Delivery.id < before_id)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    return session.execute(statement.order_by(Delivery.id.desc()).limit(limit)).scalars().all()


def queue_again(row: Delivery) -> None:
    """Have it sent now, and its retries begin anew."""
    now = datetime.now(UTC)
    row.status, row.attempts = DeliveryStatus.PENDING, 0
    row.next_attempt_at = row.queued_at = now


def due_webhooks(session: Session, now: datetime) -> list[int]:
    """The active webhooks that have a delivery due."""
    waiting = select(Delivery.id).where(_due(now), Delivery.webhook_id == Webhook.id).exists()
    statement = select(Webhook.id).where(Webhook.active, waiting)
    return list(session.execute(statement).scalars())


def claim(
    session: Session, webhook_id: int, now: datetime, next_at: Callable[[int], datetime]
) -> Attempt | None:
    """Take the delivery of this webhook that is due for longest; None where there is none.

    The attempt is counted before it is made: should this process end, or not be able to record
    what came of it, the next one is made at `next_at(number)`.
    """
    hook = session.get(Webhook, webhook_id)
    statement = select(Delivery).where(_due(now), Delivery.webhook_id == webhook_id)
    statement = statement.order_by(Delivery.next_attempt_at, Delivery.id).limit(1)
    row = session.execute(statement).scalar_one_or_none()
    if hook is None or not hook.active or row is None:
        return None
    row.attempts += 1
    row.last_attempt_at, row.next_attempt_at = now, next_at(row.attempts)
    return Attempt(
        delivery_id=row.id,
        webhook_id=hook.id,
        number=row.attempts,
        message_id=row.message_id,
        payload=row.payload,
        url=hook.url,
        secrets=signing_secrets(hook, now),
    )


def signing_secrets(hook: Webhook, now: datetime) -> tuple[str, ...]:
    """The secrets that sign at this time, the newest first."""
    if hook.previous_secret is None or hook.previous_until is None or hook.previous_until <= now:
        return (hook.secret,)
    return (hook.secret, hook.previous_secret)


def record(session: Session, attempt: Attempt, ended: Ended) -> None:
    """Note what an attempt came to; nothing where the delivery was deleted meanwhile.

    A failure of a delivery that was meanwhile queued anew is not its outcome.
    """
    row = session.get(Delivery, attempt.delivery_id)
    if row is None:
        return
    row.response_status, row.error = ended.response_status, ended.error
    if ended.status is DeliveryStatus.DELIVERED or row.attempts == attempt.number:
        row.status, row.next_attempt_at = ended.status, ended.retry_at


def give_up(session: Session, queued_before: datetime, error: str) -> None:
    """Fail what has been waiting since before then."""
    # Every webhook by its id: so the index leads to what is pending, past a long log.
    session.execute(
        update(Delivery)
        .where(
            Delivery.webhook_id.in_(select(Webhook.id)),
            Delivery.status == DeliveryStatus.PENDING,
            Delivery.queued_at < queued_before,
        )
        .values(status=DeliveryStatus.FAILED, next_attempt_at=None, error=error)
    )


def prune(session: Session, created_before: datetime, limit: int) -> int:
    """Delete finished deliveries that were made before then, at most so many; returns how many."""
    old = select(Delivery.id).where(
        Delivery.created_at < created_before, Delivery.status != DeliveryStatus.PENDING
    )
    ids = list(session.execute(old.order_by(Delivery.created_at).limit(limit)).scalars())
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)


def remove_some(session: Session, webhook_id: int, limit: int) -> int:
    """Delete deliveries of this webhook, at most so many; returns how many."""
    some = select(Delivery.id).where(Delivery.webhook_id == webhook_id).limit(limit)
    ids = list(session.execute(some).scalars())
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)


def forget(session: Session, user_id: str, moot: Collection[str]) -> None:
    """Delete the log of a person's events, and those of the types `moot` that wait to be sent."""
    session.execute(
        delete(Delivery).where(
            Delivery.user_id == user_id,
            or_(Delivery.status != DeliveryStatus.PENDING, Delivery.type.in_(moot)),
        )
    )


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(Delivery.status == DeliveryStatus.PENDING, Delivery.next_attempt_at <= now)
