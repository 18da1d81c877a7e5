"""/users: people and their profiles."""

from flask import Blueprint, Response, request, url_for

from api import schemas
from api.answers import answer, no_content
from api.bodies import checked_profile, read_json
from api.context import services
from api.contract.operation import needs, operation
from api.contract.paging import PageOptions
from api.contract.users import NewPerson, PeoplePage, PersonAnswer, ProfileChange
from api.idempotency import kept
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from core.access import Scope
from core.errors import InvalidParameter
from core.names import normalize_user_id
from db import users as people
from db.models import User
from pipeline.deletion import delete_user
from pipeline.pictures import pictures_folder
from pipeline.recognizer import profile_of

users = Blueprint("users", __name__)


@users.get("/users")
@operation(
    "The people, in the order they were added",
    needs(Scope.READ),
    answers={200: PeoplePage},
    query=PageOptions,
)
def list_users() -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        rows, cursor = page.cut(people.page(session, page.after_id, page.limit + 1))
    return answer({"users": [_shown(row) for row in rows], "next_cursor": cursor})


@users.post("/users")
@operation(
    "Add a person without a photo",
    needs(Scope.ENROLL),
    answers={201: PersonAnswer},
    errors=("invalid_name", "conflict"),
    body=NewPerson,
    creates=True,
)
def create_user() -> Response:
    body = read_json(request)
    user_id = _user_id(body.pop("user_id", None))
    profile = checked_profile(body)
    with services().database.write() as session:
        user = people.create(session, user_id)
        people.set_profile(user, profile)
        place = url_for("users.get_user", user_id=user_id)
        return kept(session, answer(_shown(user), 201, place))


@users.get("/users/<user_id>")
@operation("One person", needs(Scope.READ), answers={200: PersonAnswer})
def get_user(user_id: str) -> Response:
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
    return answer(_shown(user))


@users.patch("/users/<user_id>")
@operation(
    "Change a profile; null clears",
    needs(Scope.ENROLL),
    answers={200: PersonAnswer},
    body=ProfileChange,
)
def change_user(user_id: str) -> Response:
    user_id = normalize_user_id(user_id)
    profile = checked_profile(read_json(request))
    with services().database.write() as session:
        user = people.get(session, user_id)
        people.set_profile(user, profile)
    return answer(_shown(user))


@users.delete("/users/<user_id>")
@operation(
    "Remove a person with everything stored of them", needs(Scope.ENROLL), answers={204: None}
)
def remove_user(user_id: str) -> Response:
    own = services()
    pictures = pictures_folder(own.settings)
    delete_user(own.database, own.settings.photo_dir, normalize_user_id(user_id), pictures)
    return no_content()


def _user_id(given: object) -> str:
    if not isinstance(given, str):
        raise InvalidParameter("user_id is a text and must be given", {"parameter": "user_id"})
    return normalize_user_id(given)


def _shown(user: User) -> schemas.Json:
    return schemas.of_profile(profile_of(user))
