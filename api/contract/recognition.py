"""What is said of photos: faces, their quality, and whom they show."""

from pydantic import Field, RootModel

from api.contract.base import Answer, Body
from api.contract.users import Person
from core.types import Decision, Similarity
from pipeline.analyzer import UnusedReason
from pipeline.quality import Issue
from pipeline.recognizer import FaceChoice

Point = tuple[int, int]


class RecognizeOptions(Body):
    user_id: str | None = Field(None, description="Compare with this person only.")
    faces: FaceChoice = Field(FaceChoice.LARGEST, description="Which faces to answer for.")
    limit: int = Field(1, ge=1, le=10, description="How many candidates at most.")


class Box(Body):
    """Pixels of the upright photo; it may cross the border."""

    x: int
    y: int
    width: int
    height: int


class Landmarks(Body):
    """Left and right are the viewer's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


class IssueWords(Body):
    code: Issue
    message: str = Field(description="What a person can do about it.")


class Quality(Body):
    """How well a face can be seen."""

    width_px: int = Field(description="Of the face, in pixels of the photo.")
    sharpness: float = Field(description="Variance of the Laplacian by that of brightness.")
    brightness: float = Field(description="Mean gray of the inner face, 0 to 255.")
    contrast: float = Field(description="Deviation of gray of the inner face.")
    yaw: float = Field(description="Degrees; positive looks to the viewer's right.")
    pitch: float = Field(description="Degrees; positive looks down.")
    roll: float = Field(description="Degrees; positive is turned clockwise.")
    cut_off: float = Field(description="The part of the box outside of the photo.")
    issues: list[IssueWords] = Field(description="Empty: nothing is wrong.")


class Face(Body):
    """A face of a photo."""

    box: Box
    confidence: float = Field(description="The detector's, 0 to 1.")
    landmarks: Landmarks
    quality: Quality


class UnusedFace(Body):
    box: Box
    reason: UnusedReason


class Model(Body):
    """The networks that answered; scores of two are not comparable."""

    embedder: str
    detector: str
    dimensions: int
    similarity: Similarity


class Candidate(Body):
    user_id: str
    face_id: int
    similarity_score: float


class Verdict(Body):
    """Who it is."""

    decision: Decision
    recognized: bool = Field(description="True exactly for a match.")
    user_id: str | None
    face_id: int | None
    similarity_score: float | None = Field(description="Of the nearest face; null: there is none.")
    threshold: float
    calibration: int | None = Field(description="That the threshold is of; null: of none.")
    profile: Person | None
    candidates: list[Candidate]


class FaceVerdict(Verdict):
    face: Face


class OfPhoto(Answer):
    unused_faces: list[UnusedFace]
    timings_ms: dict[str, float]


class RecognitionAnswer(FaceVerdict, OfPhoto):
    """The answer for the largest face."""

    model: Model


class AllFacesAnswer(OfPhoto):
    """The answers for every face, largest first."""

    threshold: float
    calibration: int | None = Field(description="That the threshold is of; null: of none.")
    faces: list[FaceVerdict]
    model: Model


class Recognized(RootModel[RecognitionAnswer | AllFacesAnswer]):
    """The second for `faces=all`."""
