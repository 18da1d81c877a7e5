"""POST /compare and /detect: two faces, or the faces of a photo."""

from flask import Blueprint, Response, request

from api import auth, schemas
from api.answers import answer
from api.context import engine, services
from api.contract.compare import ComparisonAnswer, DetectionAnswer
from api.contract.operation import Photo, needs, operation
from api.uploads import read_two, read_upload
from core.access import Scope
from pipeline.examiner import Side

compare = Blueprint("compare", __name__)


@compare.post("/compare")
@operation(
    "Do two photos show one person?",
    needs(Scope.IDENTIFY),
    answers={200: ComparisonAnswer},
    errors=("no_face", "face_too_small"),
    body=Photo(fields=("photo", "reference")),
)
def compare_photos() -> Response:
    ready = engine()
    two = read_two(request, services().settings)
    threshold = ready.rule.threshold
    found = ready.examiner.compare(two.photo, two.reference, threshold, auth.caller().id)
    return answer(
        {
            "decision": found.decision,
            "similarity_score": round(found.similarity, 4),
            "threshold": round(threshold, 4),
            "photo": _side(found.photo),
            "reference": _side(found.reference),
            **schemas.of_model(ready.chosen.spec),
            "timings_ms": found.timings_ms,
        }
    )


@compare.post("/detect")
@operation(
    "The faces of a photo, and how well each can be seen",
    needs(Scope.IDENTIFY),
    answers={200: DetectionAnswer},
    body=Photo(),
)
def detect() -> Response:
    ready = engine()
    upload = read_upload(request, services().settings, ())
    found = ready.examiner.detect(upload.photo, auth.caller().id)
    return answer(
        {
            "faces": [schemas.of_face(face) for face in found.faces],
            **schemas.of_unused(found.unused),
            "detector": ready.chosen.spec.detector,
            "timings_ms": found.timings_ms,
        }
    )


def _side(side: Side) -> schemas.Json:
    return {"face": schemas.of_face(side.face), **schemas.of_unused(side.unused)}
