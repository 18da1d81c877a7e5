"""Embeddings: made of photos, searched, enrolled; and the faces of a person."""

import re
import time

from flask import Blueprint, Response, request, url_for

from api import auth, schemas
from api.answers import answer, no_content
from api.bodies import read_json
from api.context import engine, services
from api.contract.embeddings import (
    EmbeddingBody,
    EmbeddingsAnswer,
    EmbedOptions,
    EnrolledEmbedding,
    FacePage,
    SearchAnswer,
    SearchBody,
)
from api.contract.operation import Photo, needs, operation
from api.contract.paging import PageOptions
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from api.upload_photo import MAX_CANDIDATES
from api.uploads import read_upload
from api.user_photos import TERMS, terms_of
from core.access import Scope
from core.errors import NotFound
from core.names import normalize_user_id
from core.types import Vector
from db import faces as stored
from db import users as people
from pipeline.embedding_enrollment import remove_face
from pipeline.given_embedding import given_embedding, shown_spec
from pipeline.recognizer import FaceChoice, Question

# As many digits as every database takes; a greater number is no face's.
_NUMBER = re.compile(r"[0-9]{1,18}")

embeddings = Blueprint("embeddings", __name__)


@embeddings.post("/embeddings")
@operation(
    "The embeddings of a photo's faces",
    needs(Scope.IDENTIFY),
    answers={200: EmbeddingsAnswer},
    errors=("no_face", "face_too_small"),
    body=Photo(EmbedOptions),
)
def embed() -> Response:
    ready = engine()
    upload = read_upload(request, services().settings, ("faces",))
    choice = upload.options.choice("faces", FaceChoice) or FaceChoice.LARGEST
    found = ready.examiner.embed(upload.photo, choice, auth.caller().id)
    shown = [
        {"embedding": vector.tolist(), "face": schemas.of_face(face)}
        for face, vector in zip(found.faces, found.vectors, strict=True)
    ]
    around = {**schemas.of_unused(found.unused), "timings_ms": found.timings_ms}
    return answer({"spec": shown_spec(ready.chosen.spec), "faces": shown, **around})


@embeddings.post("/search")
@operation(
    "Whose embedding is this?",
    needs(Scope.IDENTIFY),
    answers={200: SearchAnswer},
    errors=("conflict",),
    body=SearchBody,
)
def search() -> Response:
    ready = engine()
    vector, options = _given({"limit"})
    question = Question(limit=options.integer("limit", 1, 1, MAX_CANDIDATES))
    started = time.perf_counter()
    found = ready.recognizer.search(vector, question)
    spent = round((time.perf_counter() - started) * 1000, 1)
    said = schemas.of_verdict(found, ready.rule)
    timings = {"timings_ms": {"search": spent}}
    return answer({**said, **schemas.of_model(ready.chosen.spec), **timings})


@embeddings.post("/users/<user_id>/embeddings")
@operation(
    "Enroll an embedding",
    needs(Scope.ENROLL),
    answers={200: EnrolledEmbedding, 201: EnrolledEmbedding},
    errors=("conflict", "face_conflict", "storage_full"),
    body=EmbeddingBody,
    creates=True,
)
def enroll(user_id: str) -> Response:
    ready = engine()
    user_id = normalize_user_id(user_id)
    vector, options = _given(TERMS)
    enrolled = ready.embeddings.enroll(user_id, vector, terms_of(options))
    said = {
        "user_id": user_id,
        "face_id": enrolled.face_id,
        "duplicate": not enrolled.is_new,
        **schemas.of_remarks(enrolled.remarks),
    }
    place = url_for("embeddings.list_faces", user_id=user_id)
    return answer(said, 201 if enrolled.is_new else 200, place)


@embeddings.get("/users/<user_id>/faces")
@operation("The faces of a person", needs(Scope.READ), answers={200: FacePage}, query=PageOptions)
def list_faces(user_id: str) -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        rows, cursor = page.cut(stored.page(session, user, page.after_id, page.limit + 1))
        given = stored.photos_of(session, [row.id for row in rows])
        digests = stored.digests(session)
    shown = [
        schemas.of_stored_face(
            row, given.get(row.id, []), digests[row.spec_id], primary=row.id == user.face_id
        )
        for row in rows
    ]
    return answer({"faces": shown, "next_cursor": cursor})


@embeddings.delete("/users/<user_id>/faces/<face_id>")
@operation(
    "Remove a face that came as an embedding",
    needs(Scope.ENROLL),
    answers={204: None},
    errors=("conflict",),
)
def delete_face(user_id: str, face_id: str) -> Response:
    if not _NUMBER.fullmatch(face_id):
        raise NotFound("this person has no such face")
    remove_face(services().database, normalize_user_id(user_id), int(face_id))
    return no_content()


def _given(allowed: frozenset[str] | set[str]) -> tuple[Vector, Options]:
    """The embedding in the JSON, of this gallery's space, and the options beside it."""
    body = read_json(request)
    values, digest = body.pop("embedding", None), body.pop("spec", None)
    options = Options(allowed)
    for name, value in body.items():
        options.add(name, value)
    return given_embedding(values, digest, engine().chosen.spec), options
