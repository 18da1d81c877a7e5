"""How good a face in a frame is to recognize: pure measures."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, Face, Landmarks, Pixels, Point

Look = npt.NDArray[np.float32]
"""A unit vector: the larger the product of two, the more alike they look."""

_SIDE_PX = 96
_THUMB_PX = 24
_SCENE = (32, 18)
_CUT_DIFFERENCE = 25.0


def sharpness(image: Pixels, face: Face) -> float:
    """The variance of the Laplacian of the face at one size, so that large faces gain nothing."""
    gray = _gray_face(image, face.box, _SIDE_PX)
    if gray is None:
        return 0.0
    return float(cv2.Laplacian(gray, cv2.CV_32F).var())


def frontal(landmarks: Landmarks) -> float:
    """1 where the nose is in the middle of the eyes and of the mouth, 0 in profile."""
    left_eye, right_eye, nose, mouth_left, mouth_right = landmarks
    across = math.dist(left_eye, right_eye)
    eyes, mouth = _middle(left_eye, right_eye), _middle(mouth_left, mouth_right)
    down = math.dist(eyes, mouth)
    if across <= 0 or down <= 0:
        return 0.0
    # Along the line of the eyes, so that a tilted head is not a turned one.
    right = (right_eye[0] - left_eye[0]) / across, (right_eye[1] - left_eye[1]) / across
    aside = abs((nose[0] - eyes[0]) * right[0] + (nose[1] - eyes[1]) * right[1]) / across
    # In profile the eyes come together while the face stays as long.
    narrow = min(1.0, across / down)
    return max(0.0, 1.0 - 2 * aside) * narrow


def at_border(box: Box, width: int, height: int, margin: float = 0.02) -> bool:
    """Whether a part of the face may be outside the picture."""
    x, y, box_width, box_height = box
    across, down = width * margin, height * margin
    outside = x < across or y < down
    return outside or x + box_width > width - across or y + box_height > height - down


def inside(point: Point, zone: Sequence[Point]) -> bool:
    """Whether the point is in the polygon; a zone of no corners is everywhere."""
    crossings = 0
    for number, (x1, y1) in enumerate(zone):
        x2, y2 = zone[number - 1]
        if (y1 > point[1]) != (y2 > point[1]):
            crossings += point[0] < x1 + (point[1] - y1) / (y2 - y1) * (x2 - x1)
    return crossings % 2 == 1 or not zone


def look(image: Pixels, face: Face) -> Look:
    """How the face looks, roughly: tells no two people apart for sure, but knows a change."""
    gray = _gray_face(image, face.box, _THUMB_PX)
    flat = np.zeros(_THUMB_PX * _THUMB_PX) if gray is None else gray.ravel().astype(np.float64)
    flat = flat - flat.mean()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32)


def scene(image: Pixels) -> Pixels:
    """The picture at a few hundred pixels, for `is_cut`."""
    small = cv2.resize(image[::4, ::4], _SCENE, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8)


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether a second picture shows another scene, so that faces cannot be followed into it."""
    difference = np.abs(before.astype(np.float32) - after.astype(np.float32))
    return float(difference.mean()) > _CUT_DIFFERENCE


def _gray_face(image: Pixels, box: Box, side_px: int) -> Pixels | None:
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    part = image[top : max(top, round(box[1] + box[3])), left : max(left, round(box[0] + box[2]))]
    if min(part.shape[:2]) < 2:
        return None
    gray = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    return cv2.resize(gray, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
