"""What is measured of one face: pixels and landmarks as numbers, no judgement.

Everything here takes the same time for every size of photo and face.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from core.types import Box, Face, Landmarks
from pipeline.images.decode import Photo, Pixels

INNER = 0.8
"""The square around the landmarks that is looked at, as a part of the box's width."""
SIDE_PX = 48
"""What it is scaled to: about as fine as the smallest usable faces are."""
_FINER = 3
NOSE_OUT = 0.45
"""How far a nose stands out, in distances between the eyes."""
NOSE_PART = 0.57
"""Where it is on the way from the eyes to the mouth of a face that looks straight ahead."""

Gray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one face.

    `width_px` is of the original. `sharpness` is the variance of the Laplacian in variances of
    brightness, of the inner face SIDE_PX wide; `brightness` (mean) and `contrast` (deviation) are
    its gray values', 0 to 255. `yaw`, `pitch` and `roll` are degrees, by the landmarks and about
    right; positive are a face that looks to the viewer's right, looks down, and is turned
    clockwise. `cut_off` is the part of the box outside of the photo.
    """

    width_px: int
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    cut_off: float


def measure(photo: Photo, face: Face) -> Measures:
    """Measure a face, in pixels of the original; takes the same time for every size."""
    gray = _inner(photo.rgb, face.scaled(photo.scale))
    variance = float(gray.var())
    sharpness = float(cv2.Laplacian(gray, cv2.CV_32F).var()) / max(variance, 1.0)
    yaw, pitch, roll = angles(face.landmarks)
    return Measures(
        width_px=round(face.box.width),
        sharpness=round(sharpness, 3),
        brightness=round(float(gray.mean()), 1),
        contrast=round(math.sqrt(variance), 1),
        yaw=round(yaw, 1),
        pitch=round(pitch, 1),
        roll=round(roll, 1),
        cut_off=round(_outside(face.box, photo.width, photo.height), 3),
    )


def angles(marks: Landmarks) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees: a nose that stands out moves against eyes and mouth."""
    left, right, nose, mouth_left, mouth_right = (complex(x, y) for x, y in marks.points())
    between, middle = right - left, (mouth_left + mouth_right) / 2
    # Of landmarks that coincide the eyes are one pixel apart.
    apart = max(abs(between), 1.0)
    turn = between / abs(between) if between else 1 + 0j
    eyes = (left + right) / 2
    # Upright, from between the eyes.
    nose, middle = (nose - eyes) / turn, (middle - eyes) / turn
    height = max(middle.imag, 1.0)
    part = nose.imag / height
    aside, down = nose.real - part * middle.real, nose.imag - NOSE_PART * height
    # The nose stands out as far as before, however near a turned face's eyes have come.
    yaw = math.atan2(aside, NOSE_OUT * apart)
    pitch = math.atan2(down, NOSE_OUT * height)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(turn.imag, turn.real))


def _inner(rgb: Pixels, face: Face) -> Gray:
    """Eyes to mouth in gray, as wide as SIDE_PX where no border is in the way."""
    half = INNER * face.box.width / 2
    x, y = np.asarray(face.landmarks.points()).mean(axis=0)
    left, right = _inside(x - half, x + half, rgb.shape[1])
    top, bottom = _inside(y - half, y + half, rgb.shape[0])
    step = max(1, int(2 * half / (SIDE_PX * _FINER)))
    crop = np.ascontiguousarray(rgb[top:bottom:step, left:right:step])
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    factor = SIDE_PX / (2 * half) * step
    size = (max(3, round(gray.shape[1] * factor)), max(3, round(gray.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=how), np.float32)


def _inside(low: float, high: float, size: int) -> tuple[int, int]:
    """The part of [low, high) within [0, size), at least one pixel."""
    first = min(max(0, math.floor(low)), size - 1)
    return first, max(first + 1, min(size, math.ceil(high)))


def _outside(box: Box, width: int, height: int) -> float:
    """The part of a box that is not within a photo of this size."""
    wide = min(box.x + box.width, width) - max(box.x, 0.0)
    high = min(box.y + box.height, height) - max(box.y, 0.0)
    return max(0.0, 1 - max(0.0, wide) * max(0.0, high) / box.area)
