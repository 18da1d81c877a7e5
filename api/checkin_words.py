"""POST /checkins/…: what people say about check-ins, beside what was recorded."""

from datetime import datetime

from flask import Blueprint, Response, request, url_for

from api import checkin_answers, request_ids
from api.answers import answer
from api.auth import caller
from api.checkin_options import known_event_id
from api.context import services
from api.contract.checkins import CheckInAnswer, CorrectionBody, ManualBody
from api.contract.operation import needs, operation
from api.given import given
from api.idempotency import kept
from api.schemas import Json
from core.access import Scope
from core.names import normalize_user_id
from db import audit
from db.checkin_models import CheckIn
from db.session import Session
from pipeline.checkins_corrected import Said, correct, enter

words = Blueprint("words", __name__)


@words.post("/checkins/<event_id>/corrections")
@operation(
    "Say what counts instead of what was recorded",
    needs(Scope.ADMIN),
    answers={201: CheckInAnswer},
    body=CorrectionBody,
    creates=True,
)
def correct_checkin(event_id: str) -> Response:
    body = given(request, CorrectionBody)
    said = Said(
        reason=body.reason,
        author=body.author or caller().name,
        key_name=caller().name,
        user_id=None if body.user_id is None else normalize_user_id(body.user_id),
        at=body.at,
        direction=body.direction,
        voided=body.voided,
    )
    with services().database.write() as session:
        event = correct(session, known_event_id(event_id), said)
        _note(session, "checkin.correct", event, said)
        return _made(session, event)


@words.post("/checkins/manual")
@operation(
    "Enter an event that no device saw",
    needs(Scope.ADMIN),
    answers={201: CheckInAnswer},
    errors=("not_found", "invalid_name"),
    body=ManualBody,
    creates=True,
)
def enter_checkin() -> Response:
    body = given(request, ManualBody)
    author = body.author or caller().name
    user_id = normalize_user_id(body.user_id)
    said = Said(body.reason, author, caller().name, user_id, body.at, body.direction)
    with services().database.write() as session:
        event = enter(session, user_id, body.at, said)
        _note(session, "checkin.enter", event, said)
        return _made(session, event)


def _made(session: Session, event: CheckIn) -> Response:
    (shown,) = checkin_answers.of_events(session, [event])
    place = url_for("checkins.get_checkin", event_id=event.event_id)
    return kept(session, answer(shown, 201, place))


def _note(session: Session, action: str, event: CheckIn, said: Said) -> None:
    values = {"user_id": said.user_id, "direction": said.direction, "voided": said.voided}
    details: Json = {name: value for name, value in values.items() if value is not None}
    if said.at is not None:
        details["at"] = _text(said.at)
    details |= {"reason": said.reason, "author": said.author}
    audit.note(
        session,
        caller(),
        action,
        event.event_id,
        details=details,
        request_id=request_ids.current(),
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
