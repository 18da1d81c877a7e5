"""POST /stream/frames: who is in a frame of a live stream. Nothing is recorded, nothing opens."""

from flask import Blueprint, Response, request

from api import schemas
from api.answers import answer
from api.auth import caller
from api.checkin_options import device_id_of, moment_of
from api.context import engine, services
from api.contract.operation import Photo, needs, operation
from api.contract.streams import MAX_NUMBER, FrameAnswer, FrameOptions
from api.own_device import check_own
from api.uploads import Upload, read_upload
from core.access import Scope
from core.errors import InvalidParameter
from core.types import Decision
from pipeline.streams import NamedFace, Sighting, StreamFrame

_OPTIONS = frozenset(["captured_at", "device_id", "frame"])

streams = Blueprint("streams", __name__)


@streams.post("/stream/frames")
@operation(
    "Who is in a frame of a live stream, at once or never",
    needs(Scope.DEVICE, Scope.IDENTIFY),
    answers={200: FrameAnswer},
    errors=("not_fresh",),
    body=Photo(FrameOptions),
)
def look_at_frame() -> Response:
    ready = engine()
    upload = read_upload(request, services().settings, _OPTIONS)
    number = upload.options.integer("frame", 0, 0, MAX_NUMBER)
    seen = ready.streams.look(_frame(upload))
    return answer(_shown(seen, number, ready.rule.threshold))


def _frame(upload: Upload) -> StreamFrame:
    captured_at = moment_of(upload.options, "captured_at")
    if captured_at is None:
        raise InvalidParameter("captured_at must be given", {"parameter": "captured_at"})
    device_id = device_id_of(upload.options)
    if device_id is not None:
        check_own(device_id)
    # A device is one stream, whichever of its keys it uses and whether it says its name or not.
    stream = caller().device_id or device_id or f"/{caller().id}"
    return StreamFrame(stream, captured_at, upload.photo)


def _shown(seen: Sighting, number: int, threshold: float) -> schemas.Json:
    return {
        "frame": number,
        "age_ms": seen.age_ms,
        "faces": [_face(found, threshold) for found in seen.faces],
        **schemas.of_unused(seen.unused),
        "timings_ms": seen.timings_ms,
    }


def _face(found: NamedFace, threshold: float) -> schemas.Json:
    face, said = found.face, found.verdict
    profile = said.profile if said.decision is Decision.MATCH else None
    return {
        **schemas.of_place(face.box, face.confidence, face.landmarks),
        "decision": said.decision,
        "user_id": profile.user_id if profile else None,
        "name": profile.name if profile else None,
        "similarity_score": None if said.nearest is None else round(said.nearest, 4),
        "threshold": round(threshold, 4),
    }
