"""What Kenal says of photos, as frozen values. Fields of newer servers are passed over."""

# No `from __future__ import annotations`: the types are read when answers are parsed.
from dataclasses import dataclass
from typing import Optional

from kenal_client.people import Person

Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """Pixels of the upright photo; it may cross the border."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Landmarks:
    """Left and right are the viewer's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


@dataclass(frozen=True)
class Issue:
    """Something wrong with how a face can be seen, and what to do about it."""

    code: str
    message: str


@dataclass(frozen=True)
class Quality:
    """How well a face can be seen; no issues, nothing is wrong."""

    width_px: int
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    cut_off: float
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class Face:
    """A face of a photo."""

    box: Box
    confidence: float
    landmarks: Landmarks
    quality: Quality


@dataclass(frozen=True)
class UnusedFace:
    """A face that was not answered for: `not_largest` or `face_too_small`."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Model:
    """The networks that answered; scores of two are not comparable."""

    embedder: str
    detector: str
    dimensions: int
    similarity: str


@dataclass(frozen=True)
class Candidate:
    """A person at or above the threshold."""

    user_id: str
    face_id: int
    similarity_score: float


@dataclass(frozen=True)
class FaceRecognition:
    """Who a face is: `decision` is match, no_match or ambiguous; `recognized` only for match."""

    decision: str
    recognized: bool
    user_id: Optional[str]
    face_id: Optional[int]
    similarity_score: Optional[float]
    threshold: float
    calibration: Optional[int]
    profile: Optional[Person]
    candidates: tuple[Candidate, ...]
    face: Face


@dataclass(frozen=True)
class Recognition(FaceRecognition):
    """The answer for the largest face."""

    unused_faces: tuple[UnusedFace, ...]
    model: Model
    timings_ms: dict[str, float]
    request_id: str


@dataclass(frozen=True)
class RecognitionOfAll:
    """The answers for every face, largest first."""

    threshold: float
    calibration: Optional[int]
    faces: tuple[FaceRecognition, ...]
    unused_faces: tuple[UnusedFace, ...]
    model: Model
    timings_ms: dict[str, float]
    request_id: str


@dataclass(frozen=True)
class Side:
    """What was compared of one photo: its largest face."""

    face: Face
    unused_faces: tuple[UnusedFace, ...]


@dataclass(frozen=True)
class Comparison:
    """Whether two photos show one person: `decision` is match or no_match."""

    decision: str
    similarity_score: float
    threshold: float
    photo: Side
    reference: Side
    model: Model
    timings_ms: dict[str, float]
    request_id: str


@dataclass(frozen=True)
class Detection:
    """Every usable face, largest first."""

    faces: tuple[Face, ...]
    unused_faces: tuple[UnusedFace, ...]
    detector: str
    timings_ms: dict[str, float]
    request_id: str
