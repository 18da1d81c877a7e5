"""Check-ins as JSON and as rows of a table."""

from collections.abc import Mapping, Sequence

from api.schemas import Json, of_profile, of_time
from db import checkins, corrections
from db.checkin_models import CheckIn, Correction
from db.session import Session
from pipeline.checkins import Outcome

COLUMNS = (
    "event_id",
    "at",
    "user_id",
    "direction",
    "device_id",
    "source",
    "decision",
    "granted",
    "reason",
    "repeat_of",
    "voided",
    "corrected",
    "similarity_score",
    "late",
    "clock_suspect",
    "captured_at",
    "received_at",
    "recorded_at",
    "recorded_user_id",
    "recorded_direction",
    "author",
    "note",
    "review",
    "device_decision",
    "device_user_id",
    "device_similarity",
    "device_opened",
)


def of_events(session: Session, rows: Sequence[CheckIn]) -> list[Json]:
    """The events with their corrections."""
    said = corrections.of(session, [row.id for row in rows])
    names = _originals(session, rows)
    return [_of_event(row, said[row.id], names) for row in rows]


def of_outcome(session: Session, outcome: Outcome) -> Json:
    """What a device is told. `reason` is of this answer, which a repetition's event has not."""
    (event,) = of_events(session, [outcome.event])
    profile = of_profile(outcome.profile) if outcome.profile else None
    told = {"grant": outcome.grant, "duplicate": outcome.duplicate, "profile": profile}
    return {**event, "reason": outcome.reason, **told}


def table(session: Session, rows: Sequence[CheckIn]) -> list[list[object]]:
    """The events as rows of COLUMNS: what counts, and beside it what was recorded."""
    names = _originals(session, rows)
    return [_cells(row, names) for row in rows]


def _originals(session: Session, rows: Sequence[CheckIn]) -> Mapping[int, str]:
    return checkins.event_ids(session, {row.repeat_of for row in rows if row.repeat_of})


def _of_event(row: CheckIn, said: Sequence[Correction], names: Mapping[int, str]) -> Json:
    return {
        "event_id": row.event_id,
        "source": row.source,
        "device_id": row.device_id,
        "decision": row.decision,
        "user_id": row.user_id,
        "face_id": row.face_id,
        "similarity_score": _score(row.similarity),
        "threshold": _score(row.threshold),
        "direction": row.direction,
        "captured_at": of_time(row.captured_at),
        "received_at": of_time(row.received_at),
        "at": of_time(row.at),
        "late": row.late,
        "clock_suspect": row.clock_suspect,
        "granted": row.granted,
        "reason": row.reason,
        "repeat_of": names[row.repeat_of] if row.repeat_of else None,
        "face": row.face,
        "has_picture": row.picture is not None,
        "author": row.author,
        "key_name": row.key_name,
        "note": row.note,
        "device": _of_claim(row),
        "review": row.review,
        "corrections": [_of_correction(correction) for correction in said],
        "effective": {
            "user_id": row.effective_user_id,
            "at": of_time(row.effective_at),
            "direction": row.effective_direction,
            "voided": row.voided,
        },
    }


def _of_claim(row: CheckIn) -> Json | None:
    """What the device decided itself; None where it said nothing."""
    if row.device_opened is None:
        return None
    return {
        "decision": row.device_decision,
        "user_id": row.device_user_id,
        "similarity_score": _score(row.device_similarity),
        "opened": row.device_opened,
        "review": row.device_review,
    }


def _of_correction(said: Correction) -> Json:
    return {
        "user_id": said.user_id,
        "at": of_time(said.at) if said.at else None,
        "direction": said.direction,
        "voided": said.voided,
        "reason": said.reason,
        "author": said.author,
        "key_name": said.key_name,
        "created_at": of_time(said.created_at),
    }


def _cells(row: CheckIn, names: Mapping[int, str]) -> list[object]:
    return [
        row.event_id,
        of_time(row.effective_at),
        row.effective_user_id,
        row.effective_direction,
        row.device_id,
        row.source,
        row.decision,
        row.granted,
        row.reason,
        names[row.repeat_of] if row.repeat_of else None,
        row.voided,
        row.corrected,
        _score(row.similarity),
        row.late,
        row.clock_suspect,
        of_time(row.captured_at),
        of_time(row.received_at),
        of_time(row.at),
        row.user_id,
        row.direction,
        row.author,
        row.note,
        row.review,
        row.device_decision,
        row.device_user_id,
        _score(row.device_similarity),
        row.device_opened,
    ]


def _score(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
