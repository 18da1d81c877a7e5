"""/users/{user_id}/photos: the photos of one person."""

import re

from flask import Blueprint, Response, request, url_for

from api import auth, request_ids, schemas
from api.answers import answer, no_content
from api.context import engine, in_one_space, services
from api.contract.operation import Photo, needs, operation
from api.contract.paging import PageOptions
from api.contract.photos import EnrolledPhoto, EnrollOptions, PhotoAnswer, PhotoPage
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from api.uploads import read_upload
from core.access import Scope
from core.errors import NotFound
from core.names import normalize_user_id
from core.settings import EnrollMode
from db import photos as ledger
from db import users as people
from pipeline.deletion import delete_photo
from pipeline.terms import Override, Terms

TERMS = frozenset(["mode", "accept"])
_PHOTO = "/users/<user_id>/photos/<photo_id>"
# As many digits as every database takes; a greater number is no photo's.
_NUMBER = re.compile(r"[0-9]{1,18}")

user_photos = Blueprint("user_photos", __name__)


@user_photos.get("/users/<user_id>/photos")
@operation("The photos of a person", needs(Scope.READ), answers={200: PhotoPage}, query=PageOptions)
def list_photos(user_id: str) -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        found = ledger.page(session, page.after_id, page.limit + 1, None, user.user_id)
        rows, cursor = page.cut(found)
    return answer({"photos": [schemas.of_photo(row) for row in rows], "next_cursor": cursor})


@user_photos.post("/users/<user_id>/photos")
@operation(
    "Enroll a photo",
    needs(Scope.ENROLL),
    answers={200: EnrolledPhoto, 201: EnrolledPhoto},
    errors=(
        *("no_face", "multiple_faces", "face_too_small", "low_quality"),
        *("conflict", "face_conflict", "vanished", "storage_full"),
    ),
    body=Photo(EnrollOptions),
    creates=True,
)
def enroll(user_id: str) -> Response:
    turns = engine().recognizer.turns
    user_id = normalize_user_id(user_id)
    upload = read_upload(request, services().settings, TERMS)
    terms = terms_of(upload.options)
    with turns.turn(auth.caller().id):
        enrolled = in_one_space(lambda own: own.enrollment.enroll(user_id, upload.photo, terms))
    with services().database.read() as session:
        photo = schemas.of_photo(ledger.get(session, enrolled.photo_id, user_id))
    place = url_for("user_photos.get_photo", user_id=user_id, photo_id=enrolled.photo_id)
    said = {"duplicate": not enrolled.is_new, **schemas.of_remarks(enrolled.remarks)}
    return answer({**photo, **said}, 201 if enrolled.is_new else 200, place)


@user_photos.get(_PHOTO)
@operation("One photo of a person", needs(Scope.READ), answers={200: PhotoAnswer})
def get_photo(user_id: str, photo_id: str) -> Response:
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        photo = ledger.get(session, _number(photo_id), user.user_id)
    return answer(schemas.of_photo(photo))


@user_photos.delete(_PHOTO)
@operation("Remove a photo and the face it gave", needs(Scope.ENROLL), answers={204: None})
def remove_photo(user_id: str, photo_id: str) -> Response:
    own = services()
    drop = own.settings.photo_dir
    delete_photo(own.database, drop, normalize_user_id(user_id), _number(photo_id))
    return no_content()


def terms_of(options: Options) -> Terms:
    """What `mode` and `accept` ask for; raises Forbidden for who may not accept."""
    mode = options.choice("mode", EnrollMode) or services().settings.enroll_mode
    if not options.flag("accept"):
        return Terms(mode)
    caller = auth.caller()
    if not caller.may([Scope.ADMIN]):
        auth.refuse("only an admin key may accept a face that contradicts the enrolled ones")
    return Terms(mode, Override(caller, request_ids.current()))


def _number(photo_id: str) -> int:
    if not _NUMBER.fullmatch(photo_id):
        raise NotFound("this person has no such photo")
    return int(photo_id)
