"""The values that the parts of the agent hand to each other."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the camera, and when it was taken by both clocks."""

    image: Pixels  # BGR, (height, width, 3)
    number: int
    captured_at: float  # unix seconds: what the server is told
    captured_monotonic: float  # how old it is: wall clocks leap
    large: Pixels | None = None  # the same moment in more pixels, where the camera has them


@dataclass(frozen=True, slots=True)
class Face:
    """A face, in pixels of `frame.image`."""

    box: Box  # x, y, width, height
    landmarks: Landmarks  # left eye, right eye, nose, mouth left, mouth right, as the viewer sees
    confidence: float


@dataclass(frozen=True, slots=True)
class Track:
    """A face that was followed over `frames` frames."""

    id: int
    face: Face
    frames: int
    started_monotonic: float


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """What the gate lets through, once a visit: the frame to ask the server about."""

    track_id: int
    frame: Frame
    face: Face
    sharpness: float
    crop_jpeg: bytes
    captured_at: float
    views: tuple[tuple[Frame, Face], ...] = ()  # this and the next best, for a vote


@dataclass(frozen=True, slots=True)
class Recognition:
    """Who a face is by this device's own gallery. No name stands in it unless it is a match."""

    decision: str  # match, no_match, ambiguous
    user_id: str | None
    name: str | None
    similarity: float | None  # of the best, whoever that is; None where the gallery is empty
    threshold: float


class Camera(Protocol):
    """Frames, newest only; `read` answers None when nothing new has come."""

    def open(self) -> None:
        """Starts the camera, or raises OSError that says what is wrong."""

    def read(self) -> Frame | None:
        """The newest frame that was not read yet."""

    def close(self) -> None:
        """Lets go of the camera; may be called twice."""

    def status(self) -> str:
        """`ok`, or in some words what is wrong."""
