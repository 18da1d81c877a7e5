"""/api/v1/recognition/faces: the photos that people are recognized by."""

from contextlib import suppress

from flask import Response, jsonify, request

from api import auth, request_ids
from api.compreface import shapes
from api.compreface.blueprint import compreface
from api.compreface.image_ids import image_id_of, no_image, photo_id_of
from api.compreface.inputs import list_of, options_of, photos_of, subject_of
from api.compreface.scans import scan_for
from api.context import engine, in_one_space, services
from api.contract.compreface import (
    Deleted,
    Example,
    ExamplePage,
    Examples,
    ImageIds,
    compreface_operation,
)
from api.contract.compreface_options import MAX_PAGE, ExamplesQuery, NewExampleQuery, SubjectQuery
from api.contract.operation import Photo, needs
from core.access import Scope
from core.errors import InvalidParameter, NotFound
from db import audit
from db import examples as stored
from db.models import PhotoRow
from pipeline.deletion import delete_photo
from pipeline.examples import content_of, delete_everybodys_examples, delete_examples
from pipeline.scanner import Wanted
from pipeline.terms import Terms


@compreface.get("/recognition/faces", strict_slashes=False)
@compreface_operation(
    "CompreFace: the examples",
    needs(Scope.READ),
    answers={200: ExamplePage},
    errors=("invalid_name",),
    query=ExamplesQuery,
)
def list_examples() -> Response:
    asked = options_of(request, ExamplesQuery)
    size = min(asked.size, MAX_PAGE)
    subject = None if asked.subject is None else subject_of(asked.subject)
    with services().database.read() as session:
        rows = stored.page(session, asked.page * size, size, subject)
        total = stored.count(session, subject)
        shown = [_shown(row) for row in rows]
    counts = {"total_pages": -(-total // size), "total_elements": total}
    return jsonify({"faces": shown, "page_number": asked.page, "page_size": size, **counts})


@compreface.post("/recognition/faces")
@compreface_operation(
    "CompreFace: add an example",
    needs(Scope.ENROLL),
    answers={201: Example},
    errors=(
        *("no_face", "multiple_faces", "face_too_small", "low_quality", "invalid_name"),
        *("conflict", "face_conflict", "vanished", "storage_full"),
    ),
    query=NewExampleQuery,
    body=Photo(fields=("file",)),
)
def add_example() -> Response:
    ready, settings = engine(), services().settings
    [photo] = photos_of(request, settings, "file")
    asked = options_of(request, NewExampleQuery)
    subject = subject_of(asked.subject)
    if asked.det_prob_threshold:
        scan_for(photo, Wanted(asked.det_prob_threshold, embeddings=False))
    terms = Terms(settings.enroll_mode)
    with ready.recognizer.turns.turn(auth.caller().id):
        enrolled = in_one_space(lambda own: own.enrollment.enroll(subject, photo, terms))
    return _created({"image_id": image_id_of(enrolled.photo_id), "subject": subject})


@compreface.delete("/recognition/faces")
@compreface_operation(
    "CompreFace: remove a person's examples; with an admin key and no subject, everybody's",
    needs(Scope.ENROLL),
    answers={200: Deleted},
    errors=("invalid_name",),
    query=SubjectQuery,
)
def remove_examples() -> Response:
    own, subject = services(), options_of(request, SubjectQuery).subject
    drop = own.settings.photo_dir
    if subject is not None:
        return jsonify({"deleted": delete_examples(own.database, drop, subject_of(subject))})
    if not auth.caller().may([Scope.ADMIN]):
        auth.refuse("without a subject this removes everybody's examples: an admin key may")
    if request.args or request.content_length or request.headers.get("Transfer-Encoding"):
        # Somebody was meant, but in a place or a spelling that is not read.
        raise InvalidParameter("to remove everybody's examples send no options and no body")
    note_all("examples.delete_all")
    return jsonify({"deleted": delete_everybodys_examples(own.database, drop)})


@compreface.delete("/recognition/faces/<image_id>")
@compreface_operation("CompreFace: remove an example", needs(Scope.ENROLL), answers={200: Example})
def remove_example(image_id: str) -> Response:
    return jsonify(_removed(photo_id_of(image_id)))


@compreface.post("/recognition/faces/delete")
@compreface_operation(
    "CompreFace: remove several examples; ids of none are passed over",
    needs(Scope.ENROLL),
    answers={200: Examples},
    body=ImageIds,
)
def remove_some_examples() -> Response:
    removed = []
    for image_id in list_of(request, ImageIds).root:
        with suppress(NotFound):
            removed.append(_removed(photo_id_of(image_id)))
    return jsonify(removed)


@compreface.get("/recognition/faces/<image_id>/img")
@compreface_operation(
    "CompreFace: the photo of an example",
    needs(Scope.ENROLL),
    media_type="application/octet-stream",
)
def show_example(image_id: str) -> Response:
    own = services()
    with own.database.read() as session:
        row = stored.find(session, photo_id_of(image_id))
    if row is None:
        raise no_image()
    try:
        data = content_of(own.settings.photo_dir, row, own.settings.max_upload_bytes)
    except NotFound:
        raise no_image() from None
    return Response(data, mimetype="application/octet-stream")


def note_all(action: str) -> None:
    """Record who is about to remove so much."""
    with services().database.write() as session:
        audit.note(session, auth.caller(), action, None, request_id=request_ids.current())


def _removed(photo_id: int) -> shapes.Json:
    """What was removed; raises NotFound."""
    own = services()
    with own.database.read() as session:
        row = stored.find(session, photo_id)
        shown = None if row is None else _shown(row)
    if shown is None:
        raise no_image()
    try:
        delete_photo(own.database, own.settings.photo_dir, str(shown["subject"]), photo_id)
    except NotFound:
        raise no_image() from None
    return shown


def _shown(row: PhotoRow) -> shapes.Json:
    return {"image_id": image_id_of(row.id), "subject": row.user_id}


def _created(body: shapes.Json) -> Response:
    response = jsonify(body)
    response.status_code = 201
    return response
