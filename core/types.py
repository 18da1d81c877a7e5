"""The frozen values that pass between layers: a face, its place, its space, and what it matched."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
"""One embedding, shape (d,)."""
Matrix = npt.NDArray[np.float32]
"""Embeddings one a row, shape (n, d)."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of the upright photo, origin top left; it may cross the border.

    Raises ValueError unless all four are finite and both sides positive.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x, self.y, self.width, self.height))):
            raise ValueError("a box has finite coordinates")
        if self.width <= 0 or self.height <= 0:
            raise ValueError("a box has positive sides")

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> Point:
        return (self.x + self.width / 2, self.y + self.height / 2)

    def scaled(self, factor: float) -> Self:
        """The same box in a picture `factor` times as large."""
        return type(self)(
            self.x * factor, self.y * factor, self.width * factor, self.height * factor
        )

    def shifted(self, dx: float, dy: float) -> Self:
        return type(self)(self.x + dx, self.y + dy, self.width, self.height)

    def contains(self, point: Point) -> bool:
        x, y = point
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height

    def iou(self, other: "Box") -> float:
        """Intersection over union with `other`, in [0, 1]."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        shared = max(0.0, width) * max(0.0, height)
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Five points in pixels of the upright photo; left and right are the viewer's, as in MTCNN."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def points(self) -> tuple[Point, Point, Point, Point, Point]:
        return (self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right)

    def scaled(self, factor: float) -> Self:
        return type(self)(*((x * factor, y * factor) for x, y in self.points()))

    def shifted(self, dx: float, dy: float) -> Self:
        return type(self)(*((x + dx, y + dy) for x, y in self.points()))


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face; `confidence` is the detector's, in [0, 1]."""

    box: Box
    confidence: float
    landmarks: Landmarks

    def scaled(self, factor: float) -> Self:
        return type(self)(self.box.scaled(factor), self.confidence, self.landmarks.scaled(factor))

    def shifted(self, dx: float, dy: float) -> Self:
        return type(self)(self.box.shifted(dx, dy), self.confidence, self.landmarks.shifted(dx, dy))


class Similarity(StrEnum):
    """How two embeddings of a space are compared; both give a `similarity_score` in [-1, 1]."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    """1 - d²/2 of the raw vectors, which is the cosine where they are of unit length."""


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """The space an embedding lives in; embeddings of two specs are never compared."""

    embedder: str
    weights_sha256: str
    detector: str
    alignment: str
    normalization: str
    dimensions: int
    similarity: Similarity

    @property
    def digest(self) -> str:
        """A stable 16-digit name of this space, for keys and directories."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Match:
    """One face of the gallery and how similar it is to the probe."""

    face_id: int
    similarity: float


class Decision(StrEnum):
    """What identification concluded."""

    MATCH = "match"
    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class FaceAdded:
    """A committed face that searches must find from sequence number `seq` on; `vector` is (d,)."""

    seq: int
    face_id: int
    vector: Vector


@dataclass(frozen=True, slots=True)
class FaceRemoved:
    """A face that searches must not find from sequence number `seq` on."""

    seq: int
    face_id: int


Change = FaceAdded | FaceRemoved
