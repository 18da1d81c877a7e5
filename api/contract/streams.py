"""Frames of live streams as the API takes and answers them."""

from pydantic import Field

from api.contract.base import Answer, Body
from api.contract.moments import Moment
from api.contract.recognition import Box, Landmarks, UnusedFace
from core.types import Decision

MAX_NUMBER = 999_999_999


class FrameOptions(Body):
    """Beside a frame."""

    captured_at: Moment = Field(description="When the frame was taken, by the client's clock.")
    device_id: str | None = Field(None, description="Absent: the device of the key.")
    frame: int = Field(0, ge=0, le=MAX_NUMBER, description="A number that the answer has again.")


class FrameFace(Body):
    """A face of a frame, and whose it is; named exactly where it is a match."""

    box: Box
    confidence: float = Field(description="The detector's, 0 to 1.")
    landmarks: Landmarks
    decision: Decision
    user_id: str | None
    name: str | None
    similarity_score: float | None = Field(description="Of the nearest face; null: there is none.")
    threshold: float


class FrameAnswer(Answer):
    """Who is in a frame, largest face first."""

    frame: int
    age_ms: int = Field(description="How old the frame was when this was known.")
    faces: list[FrameFace]
    unused_faces: list[UnusedFace]
    timings_ms: dict[str, float]
