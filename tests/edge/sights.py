"""Faces, frames and sights made by hand, for the parts that decide."""

import numpy as np

from edge.gate import Sight
from edge.quality import Look
from edge.types import Box, Face, Frame, Landmarks, Track

SIZE = (480, 640)


def face(box: Box = (200, 100, 120, 160), turned: float = 0.0, confidence: float = 0.9) -> Face:
    """`turned`: how far the nose is from the middle, in distances of the eyes."""
    x, y, width, height = box
    nose = 0.5 + turned * 0.38
    points = [(0.31, 0.40), (0.69, 0.40), (nose, 0.60), (0.35, 0.78), (0.65, 0.78)]
    placed = [(x + across * width, y + down * height) for across, down in points]
    landmarks: Landmarks = (placed[0], placed[1], placed[2], placed[3], placed[4])
    return Face(box, landmarks, confidence)


def frame(at: float, number: int = 0, large: int = 0) -> Frame:
    """A gray frame taken at `at`; `large`: how many times as large its large picture is."""
    image = np.full((*SIZE, 3), 128, np.uint8)
    big = np.full((SIZE[0] * large, SIZE[1] * large, 3), 128, np.uint8) if large else None
    return Frame(image, number, captured_at=1000 + at, captured_monotonic=at, large=big)


def person(number: int) -> Look:
    """How somebody looks: nothing like anybody else."""
    look = np.zeros(16, np.float32)
    look[number] = 1
    return look


def sight(
    at: float,
    track_id: int = 1,
    who: int = 1,
    shown: Face | None = None,
    sharpness: float = 200.0,
    large: int = 0,
) -> Sight:
    """Somebody seen at `at`."""
    shown = shown or face()
    return Sight(Track(track_id, shown, 5, 0.0), frame(at, large=large), sharpness, person(who))
