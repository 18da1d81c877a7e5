"""POST /upload_photo: who is in this photo, or is it who they claim to be."""

from flask import Blueprint, Response, request

from api import auth, schemas
from api.answers import answer
from api.context import engine, services
from api.contract.operation import Photo, needs, operation
from api.contract.recognition import Recognized, RecognizeOptions
from api.options import Options
from api.uploads import read_upload
from core.access import Scope
from core.names import normalize_user_id
from pipeline.recognizer import FaceChoice, Question

MAX_CANDIDATES = 10
_OPTIONS = frozenset(["user_id", "faces", "limit"])

upload_photo = Blueprint("upload_photo", __name__)


@upload_photo.post("/upload_photo")
@operation(
    "Who is in this photo, or is it who they claim to be?",
    needs(Scope.IDENTIFY),
    answers={200: Recognized},
    errors=("invalid_name", "not_found", "no_face", "face_too_small"),
    body=Photo(RecognizeOptions),
)
def recognize() -> Response:
    ready = engine()
    upload = read_upload(request, services().settings, _OPTIONS)
    question = _question(upload.options)
    found = ready.recognizer.recognize(upload.photo, question, auth.caller().id)
    show = schemas.of_all_faces if question.faces is FaceChoice.ALL else schemas.of_recognition
    return answer(show(found, ready.rule, ready.chosen.spec))


def _question(options: Options) -> Question:
    claimed = options.text("user_id")
    return Question(
        user_id=None if claimed is None else normalize_user_id(claimed),
        faces=options.choice("faces", FaceChoice) or FaceChoice.LARGEST,
        limit=options.integer("limit", 1, 1, MAX_CANDIDATES),
    )
