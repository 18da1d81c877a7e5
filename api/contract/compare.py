"""Two photos compared, and the faces of one."""

from typing import Literal

from pydantic import Field

from api.contract.base import Answer, Body
from api.contract.recognition import Face, Model, OfPhoto, UnusedFace


class Side(Body):
    """What was compared of one photo: its largest face."""

    face: Face
    unused_faces: list[UnusedFace]


class ComparisonAnswer(Answer):
    decision: Literal["match", "no_match"] = Field(description="Whether both show one person.")
    similarity_score: float
    threshold: float
    photo: Side
    reference: Side
    model: Model
    timings_ms: dict[str, float]


class DetectionAnswer(OfPhoto):
    """Every usable face, largest first; none is no error."""

    faces: list[Face]
    detector: str
