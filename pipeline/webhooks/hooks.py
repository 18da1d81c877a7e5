"""Webhooks as admins make, change and try them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import ConflictError, InvalidParameter
from db import deliveries, webhooks
from db.delivery_models import Delivery, Webhook
from db.session import Database, Session
from pipeline.webhooks.events import EventType, message
from pipeline.webhooks.signing import new_secret

MAX_WEBHOOKS = 20
SECRET_OVERLAP = timedelta(hours=24)
_REMOVED_AT_ONCE = 1000
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed; None leaves it. `description` may be the empty text, for none."""

    url: str | None = None
    description: str | None = None
    events: Sequence[EventType] | None = None
    active: bool | None = None


def create(
    session: Session, url: str, description: str | None, events: Sequence[EventType]
) -> Webhook:
    """A new webhook, whose URL was checked. Raises InvalidParameter, ConflictError."""
    if webhooks.count(session) >= MAX_WEBHOOKS:
        raise ConflictError(f"there are {MAX_WEBHOOKS} webhooks already, which is the most")
    return webhooks.add(session, url, description or None, _subscribed(events), new_secret())


def change(row: Webhook, wanted: Change) -> None:
    """Change what is given, a URL that was checked. Raises InvalidParameter."""
    if wanted.events is not None:
        row.events = _subscribed(wanted.events)
    if wanted.url is not None:
        row.url = wanted.url
    if wanted.description is not None:
        row.description = wanted.description or None
    if wanted.active is not None:
        row.active = wanted.active
    row.updated_at = datetime.now(UTC)


def remove(database: Database, webhook_id: int, note: Callable[[Session, Webhook], None]) -> None:
    """Remove a webhook, `note` in the same transaction; raises NotFound.

    Its log goes before, in parts: other writers need not wait for a million rows. Meanwhile, and
    where the process ends in between, it is not active, so nothing new is queued for it.
    """
    while _has_more(database, webhook_id):
        # Whoever waits for the lock looks only now and then whether it is free.
        time.sleep(_PAUSE_SECONDS)
    with database.write() as session:
        row = webhooks.get(session, webhook_id)
        note(session, row)
        webhooks.remove(session, row)


def _has_more(database: Database, webhook_id: int) -> bool:
    """Whether deliveries may be left after a part of them was removed."""
    with database.write() as session:
        row = webhooks.get(session, webhook_id)
        row.active = False
        return deliveries.remove_some(session, row.id, _REMOVED_AT_ONCE) == _REMOVED_AT_ONCE


def renew_secret(row: Webhook) -> None:
    """A new secret; the old one signs beside it for a day, so that no receiver misses an event."""
    now = datetime.now(UTC)
    row.previous_secret, row.previous_until = row.secret, now + SECRET_OVERLAP
    row.secret, row.updated_at = new_secret(), now


def send_test(session: Session, row: Webhook) -> Delivery:
    """Queue a `test` event for this webhook; raises ConflictError where it is not active."""
    _check_active(row)
    return deliveries.add(session, [row.id], message(EventType.TEST, {"webhook_id": row.id}))[0]


def retry(session: Session, row: Webhook, delivery_id: int) -> Delivery:
    """Have a delivery sent again now. Raises NotFound, ConflictError where it is not active."""
    delivery = deliveries.get(session, row.id, delivery_id)
    _check_active(row)
    deliveries.queue_again(delivery)
    return delivery


def _check_active(row: Webhook) -> None:
    if not row.active:
        raise ConflictError("this webhook is not active")


def _subscribed(events: Sequence[EventType]) -> list[str]:
    """Each once, in one order."""
    if not events or EventType.TEST in events:
        known = ", ".join(event for event in EventType if event is not EventType.TEST)
        raise InvalidParameter(
            f"events are one or more of: {known}; test is sent on request", {"parameter": "events"}
        )
    return [event for event in EventType if event in events]
