"""/users/{user_id}/photos: the photos of one person."""

import re

from flask import Blueprint, Response, request, url_for

from api import schemas
from api.answers import answer, no_content
from api.context import engine, services
from api.contract.operation import needs, operation
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from api.turns import said_when_to_return
from api.uploads import read_upload
from core.access import Scope
from core.errors import NotFound
from core.names import normalize_user_id
from db import photos as ledger
from db import users as people
from db.photos import Status
from pipeline.deletion import delete_photo

_PHOTO = "/users/<user_id>/photos/<photo_id>"
# As many digits as every database takes; a greater number is no photo's.
_NUMBER = re.compile(r"[0-9]{1,18}")

user_photos = Blueprint("user_photos", __name__)


@user_photos.get("/users/<user_id>/photos")
@operation("The photos of a person", needs(Scope.READ))
def list_photos(user_id: str) -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        found = ledger.page(session, page.after_id, page.limit + 1, None, user.user_id)
        rows, cursor = page.cut(found)
    return answer({"photos": [schemas.of_photo(row) for row in rows], "next_cursor": cursor})


@user_photos.post("/users/<user_id>/photos")
@operation("Enroll a photo", needs(Scope.ENROLL), creates=True)
def enroll(user_id: str) -> Response:
    ready = engine()
    user_id = normalize_user_id(user_id)
    upload = read_upload(request, services().settings, ())
    with said_when_to_return(), ready.recognizer.turns.turn():
        outcome = ready.enrollment.enroll(user_id, upload.photo)
    with services().database.read() as session:
        row = ledger.get(session, outcome.photo_id or 0, user_id)
    photo = schemas.of_photo(row)
    place = url_for("user_photos.get_photo", user_id=user_id, photo_id=outcome.photo_id)
    if outcome.status is Status.UNCHANGED:
        return answer({**photo, "duplicate": True}, 200, place)
    return answer({**photo, "duplicate": False}, 201, place)


@user_photos.get(_PHOTO)
@operation("One photo of a person", needs(Scope.READ))
def get_photo(user_id: str, photo_id: str) -> Response:
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        photo = ledger.get(session, _number(photo_id), user.user_id)
    return answer(schemas.of_photo(photo))


@user_photos.delete(_PHOTO)
@operation("Remove a photo and the face it gave", needs(Scope.ENROLL))
def remove_photo(user_id: str, photo_id: str) -> Response:
    own = services()
    drop = own.settings.photo_dir
    delete_photo(own.database, drop, normalize_user_id(user_id), _number(photo_id))
    return no_content()


def _number(photo_id: str) -> int:
    if not _NUMBER.fullmatch(photo_id):
        raise NotFound("this person has no such photo")
    return int(photo_id)
