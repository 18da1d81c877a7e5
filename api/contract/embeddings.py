"""Embeddings as the API takes and gives them, and the faces of a person."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.contract.base import Answer, Body
from api.contract.paging import Page
from api.contract.photos import EnrollOptions, Warned
from api.contract.recognition import Box, Face, Model, OfPhoto, Quality, Verdict
from core.types import Similarity
from pipeline.recognizer import FaceChoice


class Spec(Body):
    """The space an embedding lives in; those of two are never compared."""

    digest: str = Field(description="Names the space: send it along with an embedding.")
    embedder: str
    weights_sha256: str
    detector: str
    alignment: str
    normalization: str
    dimensions: int
    similarity: Similarity


class EmbedOptions(Body):
    faces: FaceChoice = Field(FaceChoice.LARGEST, description="Which faces to embed.")


class Embedded(Body):
    embedding: list[float]
    face: Face


class EmbeddingsAnswer(OfPhoto):
    """Largest face first."""

    spec: Spec
    faces: list[Embedded]


class GivenEmbedding(Body):
    embedding: list[float] = Field(description="As many numbers as the space has dimensions.")
    spec: str = Field(description="The digest of its space.")


class SearchBody(GivenEmbedding):
    limit: int = Field(1, ge=1, le=10, description="How many candidates at most.")


class SearchAnswer(Verdict, Answer):
    model: Model
    timings_ms: dict[str, float]


class EmbeddingBody(GivenEmbedding, EnrollOptions):
    """An embedding to enroll."""


class EnrolledEmbedding(Answer):
    user_id: str
    face_id: int
    duplicate: bool = Field(description="Whether this very embedding was enrolled before.")
    warnings: list[Warned]


class StoredQuality(Quality):
    """As it was measured when the face was enrolled."""

    box: Box
    confidence: float


class StoredFace(Body):
    face_id: int
    source: Literal["photo", "embedding"]
    photo_ids: list[int] = Field(description="The photos that gave it.")
    primary: bool
    spec: str = Field(description="The digest of its space.")
    quality: StoredQuality | None = Field(description="Null where no photo was measured.")
    created_at: datetime


class FacePage(Page):
    faces: list[StoredFace]
