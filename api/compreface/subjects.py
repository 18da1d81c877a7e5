"""/api/v1/recognition/subjects: people by their names, which are user_ids here."""

from flask import Response, jsonify, request

from api.compreface.blueprint import compreface
from api.compreface.examples import note_all
from api.compreface.inputs import body_of, subject_of
from api.context import services
from api.contract.compreface import (
    Deleted,
    SubjectAnswer,
    SubjectBody,
    Subjects,
    Updated,
    compreface_operation,
)
from api.contract.compreface_errors import NO_SUBJECT, NUMBER
from api.contract.operation import needs
from core.access import Scope
from core.errors import InvalidParameter, NotFound
from db import examples as stored
from db import users as people
from pipeline.deletion import delete_user
from pipeline.examples import delete_everybody
from pipeline.pictures import pictures_folder

_NAME = "/recognition/subjects/<subject>"


@compreface.get("/recognition/subjects", strict_slashes=False)
@compreface_operation("CompreFace: the names", needs(Scope.READ), answers={200: Subjects})
def list_subjects() -> Response:
    with services().database.read() as session:
        return jsonify({"subjects": list(stored.user_ids(session))})


@compreface.post("/recognition/subjects")
@compreface_operation(
    "CompreFace: add a person without an example",
    needs(Scope.ENROLL),
    answers={201: SubjectAnswer},
    errors=("invalid_name", "conflict"),
    body=SubjectBody,
)
def add_subject() -> Response:
    subject = subject_of(body_of(request, SubjectBody).subject)
    with services().database.write() as session:
        people.create(session, subject)
    response = jsonify({"subject": subject})
    response.status_code = 201
    return response


@compreface.put(_NAME)
@compreface_operation(
    "CompreFace: rename a person; refused, but for the name that they have",
    needs(Scope.ENROLL),
    answers={200: Updated},
    body=SubjectBody,
)
def rename_subject(subject: str) -> Response:
    wanted = subject_of(body_of(request, SubjectBody).subject)
    old = subject_of(subject)
    with services().database.read() as session:
        if people.find(session, old) is None:
            raise _no_subject()
    if wanted != old:
        raise InvalidParameter(
            "a subject cannot be renamed here: take its images, delete it, "
            "and add them under the new name"
        )
    return jsonify({"updated": False})


@compreface.delete(_NAME)
@compreface_operation(
    "CompreFace: remove a person with everything stored of them",
    needs(Scope.ENROLL),
    answers={200: SubjectAnswer},
)
def remove_subject(subject: str) -> Response:
    own, subject = services(), subject_of(subject)
    pictures = pictures_folder(own.settings)
    try:
        delete_user(own.database, own.settings.photo_dir, subject, pictures)
    except NotFound:
        raise _no_subject() from None
    return jsonify({"subject": subject})


@compreface.delete("/recognition/subjects")
@compreface_operation(
    "CompreFace: remove everybody with everything stored of them",
    needs(Scope.ADMIN),
    answers={200: Deleted},
)
def remove_subjects() -> Response:
    own = services()
    note_all("people.delete_all")
    pictures = pictures_folder(own.settings)
    return jsonify({"deleted": delete_everybody(own.database, own.settings.photo_dir, pictures)})


def _no_subject() -> NotFound:
    return NotFound("Subject not found", {NUMBER: NO_SUBJECT})
