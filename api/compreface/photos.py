"""/api/v1/detection and /api/v1/verification: the faces of a photo, and of two."""

from flask import Response, jsonify, request

from api.compreface import shapes
from api.compreface.blueprint import compreface
from api.compreface.inputs import options_of, photos_of
from api.compreface.recognition import PHOTO_ERRORS
from api.compreface.scans import scan, scan_for
from api.context import engine, services
from api.contract.compreface import DetectedFaces, VerifiedPhotos, compreface_operation
from api.contract.compreface_options import FacesQuery
from api.contract.operation import Photo, needs
from core.access import Scope
from core.errors import MultipleFaces
from core.vectors import similarity_of
from pipeline.scanner import Wanted


@compreface.post("/detection/detect")
@compreface_operation(
    "CompreFace: the faces of a photo",
    needs(Scope.IDENTIFY),
    answers={200: DetectedFaces},
    errors=PHOTO_ERRORS,
    query=FacesQuery,
    body=Photo(fields=("file",)),
)
def detect() -> Response:
    spec = engine().chosen.spec
    [photo] = photos_of(request, services().settings, "file")
    asked = options_of(request, FacesQuery)
    embedded = asked.has("calculator")
    found = scan(photo, asked, embeddings=embedded)
    status = shapes.of_status(spec, asked, embedded=embedded)
    return jsonify({"result": shapes.of_faces(found, asked), **status})


@compreface.post("/verification/verify")
@compreface_operation(
    "CompreFace: how similar are the faces of a photo to the one of another?",
    needs(Scope.IDENTIFY),
    answers={200: VerifiedPhotos},
    errors=(*PHOTO_ERRORS, "multiple_faces"),
    query=FacesQuery,
    body=Photo(fields=("source_image", "target_image")),
)
def verify_photos() -> Response:
    spec = engine().chosen.spec
    source, target = photos_of(request, services().settings, "source_image", "target_image")
    asked = options_of(request, FacesQuery)
    one = scan_for(source, Wanted(asked.det_prob_threshold, most=2))
    if len(one.faces) > 1:
        raise MultipleFaces("the source image shows more than one face")
    found = scan(target, asked)
    matches = [
        {
            **shown,
            "similarity": shapes.similarity_shown(
                similarity_of(vector, one.vectors[0], spec.similarity)
            ),
        }
        for shown, vector in zip(shapes.of_faces(found, asked), found.vectors, strict=True)
    ]
    [face] = shapes.of_faces(one, asked)
    result = {"source_image_face": face, "face_matches": matches}
    return jsonify({"result": [{**result, **shapes.of_status(spec, asked)}]})
