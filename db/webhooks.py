"""Webhooks: who wants to know of which events."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from db.delivery_models import Webhook


def add(
    session: Session, url: str, description: str | None, events: Sequence[str], secret: str
) -> Webhook:
    """A new, active webhook."""
    now = datetime.now(UTC)
    row = Webhook(
        url=url,
        description=description,
        events=list(events),
        secret=secret,
        active=True,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, webhook_id: int) -> Webhook:
    """The webhook; raises NotFound."""
    row = session.get(Webhook, webhook_id)
    if row is None:
        raise NotFound("there is no webhook with this id")
    return row


def find(session: Session, webhook_id: int) -> Webhook | None:
    return session.get(Webhook, webhook_id)


def page(session: Session, after_id: int, limit: int) -> Sequence[Webhook]:
    """Webhooks in the order they were made, those after row `after_id`."""
    statement = select(Webhook).where(Webhook.id > after_id).order_by(Webhook.id).limit(limit)
    return session.execute(statement).scalars().all()


def count(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Webhook)).scalar_one()


def subscribed(session: Session, event: str) -> list[int]:
    """The ids of the active webhooks that want this event; one small question."""
    statement = select(Webhook.id, Webhook.events).where(Webhook.active).order_by(Webhook.id)
    return [webhook_id for webhook_id, events in session.execute(statement) if event in events]


def remove(session: Session, row: Webhook) -> None:
    """Delete a webhook; its deliveries go with it."""
    session.delete(row)
    session.flush()
