"""Webhooks in the database, for tests that do not make them over HTTP."""

from datetime import UTC, datetime

from db.delivery_models import Webhook
from db.session import Session


def webhook(session: Session, active: bool) -> int:
    """The id of a new webhook."""
    now = datetime.now(UTC)
    row = Webhook(
        url="https://x.example",
        secret="s",
        events=[],
        active=active,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return row.id
