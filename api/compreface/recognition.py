"""/api/v1/recognition: who is in a photo, and does it show the face of an example."""

from flask import Response, jsonify, request

from api.compreface import shapes
from api.compreface.blueprint import compreface
from api.compreface.image_ids import no_image, photo_id_of
from api.compreface.inputs import options_of, photos_of
from api.compreface.scans import scan
from api.context import engine, services
from api.contract.compreface import ExampleMatches, RecognizedFaces, compreface_operation
from api.contract.compreface_options import FacesQuery, PredictionQuery, RecognizeQuery
from api.contract.operation import Photo, needs
from api.upload_photo import MAX_CANDIDATES
from core.access import Scope
from core.errors import NotFound
from core.types import Vector
from core.vectors import similarity_of
from pipeline.examples import vector_of
from pipeline.recognizer import Question

PHOTO_ERRORS = ("no_face", "face_too_small")


@compreface.post("/recognition/recognize")
@compreface_operation(
    "CompreFace: who is in this photo?",
    needs(Scope.IDENTIFY),
    answers={200: RecognizedFaces},
    errors=PHOTO_ERRORS,
    query=RecognizeQuery,
    body=Photo(fields=("file",)),
)
def recognize() -> Response:
    ready = engine()
    [photo] = photos_of(request, services().settings, "file")
    asked = options_of(request, RecognizeQuery)
    found = scan(photo, asked)
    result = [
        {**shown, "subjects": people_like(vector, asked)}
        for shown, vector in zip(shapes.of_faces(found, asked), found.vectors, strict=True)
    ]
    return jsonify({"result": result, **shapes.of_status(ready.chosen.spec, asked)})


@compreface.post("/recognition/faces/<image_id>/verify")
@compreface_operation(
    "CompreFace: how similar are the faces of a photo to that of an example?",
    # The answer names whose example it is, and ids can be guessed.
    needs(Scope.READ, Scope.ENROLL),
    answers={200: ExampleMatches},
    errors=PHOTO_ERRORS,
    query=FacesQuery,
    body=Photo(fields=("file",)),
)
def verify_example(image_id: str) -> Response:
    spec = engine().chosen.spec
    [photo] = photos_of(request, services().settings, "file")
    asked = options_of(request, FacesQuery)
    subject, known = example_of(image_id)
    found = scan(photo, asked)
    result = [
        {
            **shown,
            "subject": subject,
            "similarity": shapes.similarity_shown(similarity_of(vector, known, spec.similarity)),
        }
        for shown, vector in zip(shapes.of_faces(found, asked), found.vectors, strict=True)
    ]
    return jsonify({"result": result, **shapes.of_status(spec, asked)})


def people_like(vector: Vector, asked: PredictionQuery) -> list[shapes.Json]:
    """Whose face this is, as far as that is said of anybody."""
    count = asked.prediction_count
    most = MAX_CANDIDATES if count < 0 else min(count, MAX_CANDIDATES)
    return shapes.subjects_of(engine().recognizer.search(vector, Question(limit=most)), most)


def example_of(image_id: str) -> tuple[str, Vector]:
    """Whose example it is, and its embedding; raises NotFound."""
    try:
        return vector_of(services().database, photo_id_of(image_id), engine().chosen.spec)
    except NotFound:
        raise no_image() from None
