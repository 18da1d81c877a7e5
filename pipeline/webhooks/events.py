"""What is announced: each event is queued in the transaction of what it tells of, or not at all."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from db import deliveries, webhooks
from db.checkin_models import CheckIn
from db.deliveries import Message
from db.models import PhotoRow
from db.photos import Status
from db.session import Session


class EventType(StrEnum):
    """What can happen; `test` is sent on request only."""

    CHECK_IN = "check_in"
    NO_MATCH = "no_match"
    ENROLLED = "enrolled"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    DELETED = "deleted"
    TEST = "test"


_MOOT = (EventType.ENROLLED, EventType.REJECTED, EventType.CONFLICT)
"""What need not be told any more of a person who was deleted."""


def emit(
    session: Session, event: EventType, data: Mapping[str, object], user_id: str | None = None
) -> None:
    """Queue an event for every active webhook that wants it, in the caller's transaction.

    `data` holds JSON values: no embedding, photo, key or path of the server. `user_id` is whom it
    speaks of, so that it goes with them.
    """
    wanted_by = webhooks.subscribed(session, event)
    if wanted_by:
        deliveries.add(session, wanted_by, message(event, data, user_id))


def message(event: EventType, data: Mapping[str, object], user_id: str | None = None) -> Message:
    """The event with a new id, in the very text that is sent."""
    payload = {"type": event, "timestamp": _time(datetime.now(UTC)), "data": dict(data)}
    text = json.dumps(payload, separators=(",", ":"))
    return Message(f"msg_{uuid.uuid4().hex}", event, text, user_id)


def emit_check_in(session: Session, row: CheckIn) -> None:
    """Announce a check-in that this transaction records: `no_match` where it names nobody.

    Call it once for each new row, after it was flushed; neither picture nor note goes out.
    """
    event = EventType.NO_MATCH if row.user_id is None else EventType.CHECK_IN
    emit(session, event, _of_check_in(row), row.user_id)


def emit_enrolled(session: Session, row: PhotoRow) -> None:
    """Announce that the photo of this ledger row gave a face."""
    data = {
        "user_id": row.user_id,
        "face_id": row.face_id,
        "photo_id": row.id,
        "path": row.path,
    }
    emit(session, EventType.ENROLLED, data, row.user_id)


def emit_refused(session: Session, row: PhotoRow) -> None:
    """Announce that the file of this ledger row was refused: `rejected` or `conflict`."""
    data = {
        "user_id": row.user_id,
        "photo_id": row.id,
        "path": row.path,
        "code": row.code,
        "message": row.message,
    }
    event = EventType.CONFLICT if row.status == Status.CONFLICT else EventType.REJECTED
    emit(session, event, data, row.user_id)


def emit_deleted(session: Session, user_id: str) -> None:
    """Announce that a person was deleted; what the queue and its log hold of them goes before."""
    deliveries.forget(session, user_id, _MOOT)
    emit(session, EventType.DELETED, {"user_id": user_id}, user_id)


def _of_check_in(row: CheckIn) -> dict[str, object]:
    return {
        "id": row.id,
        "event_id": row.event_id,
        "source": row.source,
        "device_id": row.device_id,
        "decision": row.decision,
        "user_id": row.user_id,
        "face_id": row.face_id,
        "similarity_score": None if row.similarity is None else round(row.similarity, 4),
        "threshold": None if row.threshold is None else round(row.threshold, 4),
        "direction": row.direction,
        "captured_at": _time(row.captured_at),
        "received_at": _time(row.received_at),
        "at": _time(row.at),
        "late": row.late,
        "clock_suspect": row.clock_suspect,
        "granted": row.granted,
        "reason": row.reason,
        "repeat_of": row.repeat_of,
        "device_decision": row.device_decision,
        "device_user_id": row.device_user_id,
        "device_opened": row.device_opened,
        "review": row.review,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
