"""/keys: API keys, for admins.

None of these keeps its answer for an Idempotency-Key: a key is shown once and stored nowhere.
"""

from datetime import timedelta

from flask import Blueprint, Response, request, url_for
from pydantic import ValidationError

from api import request_ids, schemas
from api.answers import answer, no_content
from api.auth import caller
from api.bodies import read_json
from api.context import services
from api.contract.keys import IssuedKey, KeyAnswer, KeysPage, NewKeyBody, Rotation
from api.contract.operation import needs, operation
from api.contract.paging import PageOptions
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from core.access import Scope
from core.errors import InvalidParameter
from db import keys as stored
from db.access_models import ApiKey
from pipeline.key_admin import KeyAdmin
from pipeline.keys import Issued, NewKey

keys = Blueprint("keys", __name__)
_ADMIN = needs(Scope.ADMIN)


@keys.get("/keys")
@operation(
    "The keys, in the order they were made", _ADMIN, answers={200: KeysPage}, query=PageOptions
)
def list_keys() -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        rows, cursor = page.cut(stored.page(session, page.after_id, page.limit + 1))
        devices = stored.devices_of(session, rows)
    shown = [_shown(row, devices.get(row.device or 0)) for row in rows]
    return answer({"keys": shown, "next_cursor": cursor})


@keys.post("/keys")
@operation("Make a key, shown this once", _ADMIN, answers={201: IssuedKey}, body=NewKeyBody)
def create_key() -> Response:
    wanted = _checked_key(read_json(request))
    return _issued(_admin().create(wanted))


@keys.get("/keys/<key_id>")
@operation("One key", _ADMIN, answers={200: KeyAnswer})
def get_key(key_id: str) -> Response:
    with services().database.read() as session:
        row = stored.get(session, key_id)
    return answer(_with_device(row))


@keys.post("/keys/<key_id>/rotate")
@operation(
    "Make a key's successor, shown this once",
    _ADMIN,
    answers={201: IssuedKey},
    errors=("conflict",),
    body=Rotation,
)
def rotate_key(key_id: str) -> Response:
    overlap = timedelta(hours=_overlap_hours())
    return _issued(_admin().rotate(key_id, overlap))


@keys.delete("/keys/<key_id>")
@operation("End a key now", _ADMIN, answers={204: None})
def revoke_key(key_id: str) -> Response:
    _admin().revoke(key_id)
    return no_content()


def _admin() -> KeyAdmin:
    return KeyAdmin(services().database, caller(), request_ids.current())


def _checked_key(body: dict[str, object]) -> NewKey:
    try:
        given = NewKeyBody.model_validate(body)
    except ValidationError as error:
        raise _invalid(error) from None
    return NewKey(given.name, frozenset(given.scopes), tuple(given.networks), given.expires_at)


def _overlap_hours() -> int:
    # curl -X POST alone sends no body, and means the default.
    is_bare = not request.mimetype and not request.content_length
    try:
        return Rotation.model_validate({} if is_bare else read_json(request)).overlap_hours
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidParameter:
    # Never the given value or a stranger's name for it: it may be a key.
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "extra_forbidden" or not first["loc"]:
        return InvalidParameter("the body has a field that is not known here")
    name = str(first["loc"][0])
    words = first["msg"].removeprefix("Value error, ")
    return InvalidParameter(f"{name}: {words}", {"parameter": name})


def _issued(made: Issued) -> Response:
    body = {**_with_device(made.row), "key": made.text}
    return answer(body, 201, url_for("keys.get_key", key_id=made.row.key_id))


def _with_device(row: ApiKey) -> schemas.Json:
    with services().database.read() as session:
        devices = stored.devices_of(session, [row])
    return _shown(row, devices.get(row.device or 0))


def _shown(row: ApiKey, device_id: str | None) -> schemas.Json:
    times = {
        "created_at": row.created_at,
        "expires_at": row.ends_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }
    return {
        "key_id": row.key_id,
        "name": row.name,
        "scopes": row.scopes,
        "networks": row.networks,
        "device_id": device_id,
        "created_by": row.created_by,
        **{name: schemas.of_time(at) if at else None for name, at in times.items()},
    }
