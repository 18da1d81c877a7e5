"""/checkins: who came or went, recorded once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, request, url_for

from api import checkin_answers, schemas
from api.answers import answer
from api.auth import caller
from api.checkin_options import (
    CLAIMS,
    FILTERS,
    claim_of,
    device_id_of,
    event_id_of,
    filter_of,
    known_event_id,
    moment_of,
)
from api.checkin_words import words
from api.context import engine, services
from api.contract.checkins import (
    CheckInAnswer,
    CheckInFilter,
    CheckInOptions,
    CheckInQuery,
    CheckInsPage,
    NewCheckIn,
)
from api.contract.operation import Photo, needs, operation
from api.csv_answers import csv_answer
from api.options import Options
from api.own_device import check_own
from api.paging import MAX_LIMIT, newest_first_of
from api.paging import OPTIONS as PAGING
from api.uploads import Upload, read_upload
from core.access import Scope
from core.errors import InvalidParameter
from db import checkins as stored
from db.checkins import Filter
from db.session import Database
from pipeline.checkins import Arrival
from pipeline.devices import Direction
from pipeline.pictures import Pictures
from pipeline.recognizer import Answer

_OPTIONS = frozenset(["event_id", "device_id", "captured_at", "direction"]) | CLAIMS
_EVENT = "/checkins/<event_id>"

checkins = Blueprint("checkins", __name__)
checkins.register_blueprint(words)


@checkins.post("/checkins")
@operation(
    "Check somebody in",
    needs(Scope.DEVICE),
    answers={200: NewCheckIn, 201: NewCheckIn},
    errors=(
        *("idempotency_conflict", "no_face", "face_too_small", "not_found", "storage_full"),
        "invalid_name",
    ),
    body=Photo(CheckInOptions),
)
def check_in() -> Response:
    # An Idempotency-Key is not needed, and would repeat a grant.
    ready = engine()
    upload = read_upload(request, services().settings, _OPTIONS)
    arrival = _arrival(upload)
    check_own(arrival.device_id)
    outcome = ready.check_ins.check_in(arrival, _face)
    with services().database.read() as session:
        told = checkin_answers.of_outcome(session, outcome)
    place = url_for("checkins.get_checkin", event_id=arrival.event_id)
    return answer(told, 200 if outcome.duplicate else 201, place)


@checkins.get("/checkins")
@operation(
    "Check-ins, newest first",
    needs(Scope.READ),
    answers={200: CheckInsPage},
    errors=("invalid_name",),
    query=CheckInQuery,
)
def list_checkins() -> Response:
    options = Options.of_query(request, PAGING | FILTERS)
    page, wanted = newest_first_of(options), filter_of(options)
    with services().database.read() as session:
        found = stored.page(session, page.before_id, page.limit + 1, wanted)
        rows, cursor = page.cut(found)
        shown = checkin_answers.of_events(session, rows)
    return answer({"checkins": shown, "next_cursor": cursor})


@checkins.get("/checkins.csv")
@operation(
    "Check-ins as a table, newest first",
    needs(Scope.READ),
    errors=("invalid_name",),
    query=CheckInFilter,
    media_type="text/csv",
)
def table() -> Response:
    wanted = filter_of(Options.of_query(request, FILTERS))
    return csv_answer("checkins.csv", checkin_answers.COLUMNS, _parts(services().database, wanted))


@checkins.get(_EVENT)
@operation("One check-in", needs(Scope.READ), answers={200: CheckInAnswer})
def get_checkin(event_id: str) -> Response:
    with services().database.read() as session:
        event = stored.get(session, known_event_id(event_id))
        (shown,) = checkin_answers.of_events(session, [event])
    return answer(shown)


@checkins.get(f"{_EVENT}/picture")
@operation("The kept picture of a check-in", needs(Scope.ADMIN), media_type="image/*")
def get_picture(event_id: str) -> Response:
    own = services()
    with own.database.read() as session:
        event = stored.get(session, known_event_id(event_id))
    data, kind = Pictures(own.settings).read(event, own.settings.max_upload_bytes)
    response = Response(data, mimetype=f"image/{kind}")
    # A stranger's bytes: nothing in them is run, whatever a browser makes of them.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _arrival(upload: Upload) -> Arrival:
    options = upload.options
    captured_at = moment_of(options, "captured_at")
    if captured_at is None:
        raise InvalidParameter("captured_at must be given", {"parameter": "captured_at"})
    device_id = device_id_of(options) or caller().device_id
    if device_id is None:
        raise InvalidParameter("device_id must be given", {"parameter": "device_id"})
    return Arrival(
        event_id=event_id_of(options),
        device_id=device_id,
        captured_at=captured_at,
        direction=options.choice("direction", Direction),
        photo=upload.photo,
        received_at=datetime.now(UTC),
        claim=claim_of(options),
    )


def _face(found: Answer) -> schemas.Json:
    return schemas.of_face(found.face)


def _parts(database: Database, wanted: Filter) -> Iterator[Sequence[Sequence[object]]]:
    """The whole table; no transaction is held open for a slow reader."""
    before_id = None
    while True:
        with database.read() as session:
            rows = stored.page(session, before_id, MAX_LIMIT, wanted)
            part = checkin_answers.table(session, rows)
        yield part
        if len(rows) < MAX_LIMIT:
            return
        before_id = rows[-1].id
