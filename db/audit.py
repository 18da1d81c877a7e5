"""The record of weighty acts: written beside the act, read by admins, never changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Caller
from db.access_models import AuditRow

DONE = "done"


def note(
    session: Session,
    caller: Caller,
    action: str,
    target: str | None,
    *,
    outcome: str = DONE,
    details: Mapping[str, object] | None = None,
    request_id: str | None = None,
    at: datetime | None = None,
) -> None:
    """Record that `caller` did `action`, or was refused with the code `outcome`; `at` is now."""
    session.add(
        AuditRow(
            at=at or datetime.now(UTC),
            caller=caller.id,
            caller_name=caller.name,
            action=action,
            target=target,
            outcome=outcome,
            details=dict(details or {}),
            request_id=request_id,
        )
    )


def page(session: Session, before_id: int | None, limit: int) -> Sequence[AuditRow]:
    """Rows newest first, those before row `before_id`."""
    statement = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(AuditRow.id < before_id)
    return session.execute(statement).scalars().all()
