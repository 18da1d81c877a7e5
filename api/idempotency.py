"""Idempotency-Key: on whatever creates, the same request again gets the same answer."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator

from flask import Flask, Request, Response, current_app, g, request

from api.answers import answer
from api.auth import caller
from api.bodies import FORM_TYPE
from api.contract.operation import operation_of
from core.errors import Busy, InvalidParameter, KenalError, Vanished
from db import stored_answers
from db.session import Database, Session
from db.stored_answers import Given
from pipeline.repetition import Claim, Repetition

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_SANE = re.compile(r"[\x21-\x7e]{1,255}")
# What another attempt, or another key, may change: it is not repeated.
_PASSING = frozenset([401, 403, 408, 429])
_PASSING_CODES = frozenset([Vanished.code])
_log = logging.getLogger(__name__)


def register(app: Flask, database: Database) -> None:
    """Answer repetitions before the view is asked, and keep what it answers the first time."""
    memory = Repetition(database)

    @app.before_request
    def replay() -> Response | None:
        key = request.headers.get(HEADER)
        declared = operation_of(current_app, request.endpoint)
        if key is None or declared is None or not declared.creates:
            return None
        if not _SANE.fullmatch(key):
            raise InvalidParameter(f"{HEADER} is 1 to 255 letters, digits and signs")
        begun = memory.begin(caller().id, key, _fingerprint(request))
        if isinstance(begun, Given):
            return _given_again(begun)
        g.claim = begun
        return None

    @app.after_request
    def keep(response: Response) -> Response:
        claim = g.pop("claim", None)
        # One that was kept, and then could not be committed, is not what is answered.
        if claim is not None and g.get("kept") is not response:
            _end(memory, claim, response)
        return response


def kept(session: Session, response: Response) -> Response:
    """The answer, kept in the transaction of its work: neither is there without the other.

    Raises Busy, which undoes the work, where it took so long that another attempt began it again.
    """
    claim = g.get("claim")
    if claim is not None:
        given, user_id = _given_of(response)
        if not stored_answers.keep(session, claim.id, given, user_id):
            raise Busy("the same request is being worked on once more; ask again for its answer")
        g.kept = response
    return response


def _given_again(given: Given) -> Response:
    response = answer(json.loads(given.body), given.status, given.location)
    response.headers[REPLAYED] = "true"
    return response


def _end(memory: Repetition, claim: Claim, response: Response) -> None:
    try:
        if _is_passing(response):
            memory.drop(claim)
        else:
            memory.keep(claim, *_given_of(response))
    except KenalError as error:
        # The work is done and said so. Where its answer was not `kept` with it, a repetition finds
        # it unfinished and does it once more: such work must bear that.
        _log.warning("an answer could not be kept for repetition: %s", error.code)


def _is_passing(response: Response) -> bool:
    error = _body_of(response).get("error")
    is_named = isinstance(error, dict) and error.get("code") in _PASSING_CODES
    return response.status_code >= 500 or response.status_code in _PASSING or is_named


def _given_of(response: Response) -> tuple[Given, str | None]:
    """What is given again, and whom it speaks of."""
    body = _body_of(response)
    body.pop("request_id", None)
    user_id = body.get("user_id")
    given = Given(response.status_code, json.dumps(body), response.headers.get("Location"))
    return given, user_id if isinstance(user_id, str) else None


def _body_of(response: Response) -> dict[str, object]:
    body = response.get_json(silent=True)
    return dict(body) if isinstance(body, dict) else {}


def _fingerprint(asked: Request) -> str:
    """What makes two requests the same: never how a form was cut or what its file is called."""
    digest = hashlib.sha256()
    for part in _parts(asked):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _parts(asked: Request) -> Iterator[bytes]:
    yield from (asked.method.encode(), asked.path.encode(), asked.mimetype.encode())
    for name, value in sorted(asked.args.items(multi=True)):
        yield f"{name}={value}".encode()
    if asked.mimetype != FORM_TYPE:
        yield asked.get_data(cache=True)
        return
    for name, value in sorted(asked.form.items(multi=True)):
        yield f"{name}={value}".encode()
    for name, file in sorted(asked.files.items(multi=True), key=lambda item: item[0]):
        yield name.encode()
        yield file.stream.read()
        file.stream.seek(0)
