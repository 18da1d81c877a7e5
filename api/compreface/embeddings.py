"""/api/v1/…/embeddings: the same questions about embeddings that were taken here before."""

from collections.abc import Sequence

from flask import Response, jsonify, request

from api.compreface import shapes
from api.compreface.blueprint import compreface
from api.compreface.inputs import body_of, options_of
from api.compreface.recognition import example_of, people_like
from api.context import engine
from api.contract.compreface import (
    ComparedEmbeddings,
    EmbeddingsBody,
    RecognizedEmbeddings,
    SourceAndTargets,
    compreface_operation,
)
from api.contract.compreface_options import PredictionQuery
from api.contract.operation import needs
from core.access import Scope
from core.types import Vector
from core.vectors import similarity_of
from pipeline.given_embedding import given_embedding


@compreface.post("/recognition/embeddings/recognize")
@compreface_operation(
    "CompreFace: whose embeddings are these?",
    needs(Scope.IDENTIFY),
    answers={200: RecognizedEmbeddings},
    query=PredictionQuery,
    body=EmbeddingsBody,
)
def recognize_embeddings() -> Response:
    asked = options_of(request, PredictionQuery)
    result = [
        {"embedding": given, "similarities": people_like(vector, asked)}
        for given, vector in _vectors(body_of(request, EmbeddingsBody).embeddings)
    ]
    return jsonify({"result": result})


@compreface.post("/recognition/embeddings/faces/<image_id>/verify")
@compreface_operation(
    "CompreFace: how similar are embeddings to that of an example?",
    needs(Scope.READ, Scope.ENROLL),
    answers={200: ComparedEmbeddings},
    body=EmbeddingsBody,
)
def verify_embeddings(image_id: str) -> Response:
    targets = _vectors(body_of(request, EmbeddingsBody).embeddings)
    _, known = example_of(image_id)
    return _compared(known, targets)


@compreface.post("/verification/embeddings/verify")
@compreface_operation(
    "CompreFace: how similar are embeddings to another?",
    needs(Scope.IDENTIFY),
    answers={200: ComparedEmbeddings},
    body=SourceAndTargets,
)
def compare_embeddings() -> Response:
    body = body_of(request, SourceAndTargets)
    [(_, source)] = _vectors([body.source])
    return _compared(source, _vectors(body.targets))


def _vectors(given: Sequence[list[float]]) -> list[tuple[list[float], Vector]]:
    """Each as it was given and as an embedding of this space; raises InvalidParameter."""
    spec = engine().chosen.spec
    # Its clients cannot say of which space one is: that it is this one's is their word.
    return [(values, given_embedding(values, spec.digest, spec)) for values in given]


def _compared(known: Vector, targets: Sequence[tuple[list[float], Vector]]) -> Response:
    kind = engine().chosen.spec.similarity
    result = [
        {
            "embedding": given,
            "similarity": shapes.similarity_shown(similarity_of(vector, known, kind)),
        }
        for given, vector in targets
    ]
    return jsonify({"result": result})
