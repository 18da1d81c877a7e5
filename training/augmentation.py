"""Views of a face as other cameras, light and detectors would have given them.

A view is the picture around the face and the face in it, so that every network cuts it out in its
own way. Levels are exact: `LEVELS` is what docs/training.md says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import cv2
import numpy as np

from core.types import Box, Face, Landmarks
from pipeline.embedders.align import margin_crop
from pipeline.images.decode import Pixels

VERSION = 1
"""Raised when the same seed gives other views."""
_AROUND = 0.5
"""Of the picture kept on each side of the face, in sides of its square."""
_MOST_FACE_PX = 256


class Level(StrEnum):
    NONE = "none"
    LIGHT = "light"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Strength:
    """How much a view may differ; each is drawn evenly from its range.

    `views` with the photo as it is; `light` and `contrast` as parts up and down; `gamma` as a
    factor up and down; `shift` and `scale` of the face's box as parts of its side; `turn` in
    degrees; `blur` the deviation as a part of the face's side; `noise` the deviation of 255;
    `least_quality` of JPEG; `least_size` the part that the picture is reduced to and back;
    `covered` how often a band over a fifth of the face hides it.
    """

    views: int = 1
    light: float = 0.0
    contrast: float = 0.0
    gamma: float = 1.0
    shift: float = 0.0
    scale: float = 0.0
    turn: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    least_quality: int = 100
    least_size: float = 1.0
    covered: float = 0.0


LEVELS: Mapping[Level, Strength] = MappingProxyType(
    {
        Level.NONE: Strength(),
        Level.LIGHT: Strength(views=4, light=0.15, contrast=0.15, shift=0.03, scale=0.03, turn=3),
        Level.STRONG: Strength(
            views=8,
            light=0.3,
            contrast=0.3,
            gamma=1.4,
            shift=0.05,
            scale=0.06,
            turn=8,
            blur=0.015,
            noise=6,
            least_quality=30,
            least_size=0.35,
            covered=0.2,
        ),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    rgb: Pixels
    face: Face


def views(rgb: Pixels, face: Face, level: Level, seed: int) -> list[View]:
    """The photo as it is, then changed ones; the second is mirrored, later ones by lot.

    The same seed gives the same views.
    """
    strength = LEVELS[level]
    found = [View(rgb, face)]
    if strength.views == 1:
        return found
    around = _around(rgb, face)
    for number in range(1, strength.views):
        rng = np.random.default_rng([seed, number])
        is_mirrored = number == 1 or bool(rng.random() < 0.5)
        view = mirrored(around) if is_mirrored else around
        found.append(View(_changed(view, strength, rng), _moved(view.face, strength, rng)))
    return found


def mirrored(view: View) -> View:
    """The same in a mirror; the viewer's left stays left."""
    width = view.rgb.shape[1]
    box, points = view.face.box, view.face.landmarks
    left_eye, right_eye, nose, mouth_left, mouth_right = (
        (width - x, y) for x, y in points.points()
    )
    turned = Landmarks(right_eye, left_eye, nose, mouth_right, mouth_left)
    face = Face(
        Box(width - box.x - box.width, box.y, box.width, box.height), view.face.confidence, turned
    )
    return View(np.ascontiguousarray(view.rgb[:, ::-1]), face)


def _around(rgb: Pixels, face: Face) -> View:
    """The face's square with what is around it, at most 256 px a face."""
    (x, y), side = face.box.center, max(face.box.width, face.box.height)
    square = Box(x - side / 2, y - side / 2, side, side)
    size = max(16, round(min(side, _MOST_FACE_PX) * (1 + 2 * _AROUND)))
    cut = margin_crop(rgb, square, _AROUND, size)
    corner = (square.x - side * _AROUND, square.y - side * _AROUND)
    scale = size / (side * (1 + 2 * _AROUND))
    return View(cut, face.shifted(-corner[0], -corner[1]).scaled(scale))


def _moved(face: Face, strength: Strength, rng: np.random.Generator) -> Face:
    """The face found a little elsewhere, larger and turned, as detectors do."""
    side = max(face.box.width, face.box.height)
    dx, dy = rng.uniform(-strength.shift, strength.shift, 2) * side
    factor = 1 + rng.uniform(-strength.scale, strength.scale)
    angle = np.radians(rng.uniform(-strength.turn, strength.turn))
    x, y = face.box.center
    turn = factor * np.exp(1j * angle)

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        away = turn * complex(point[0] - x, point[1] - y)
        return (float(x + away.real + dx), float(y + away.imag + dy))

    width, height = face.box.width * factor, face.box.height * factor
    box = Box(x + dx - width / 2, y + dy - height / 2, width, height)
    return Face(box, face.confidence, Landmarks(*map(moved, face.landmarks.points())))


def _changed(view: View, strength: Strength, rng: np.random.Generator) -> Pixels:
    """The picture in other light, through a worse camera."""
    values = view.rgb.astype(np.float32) / 255
    values = values ** rng.uniform(1 / strength.gamma, strength.gamma)
    mean = float(values.mean())
    contrast = 1 + rng.uniform(-strength.contrast, strength.contrast)
    values = (values - mean) * contrast + mean * (1 + rng.uniform(-strength.light, strength.light))
    side = max(view.face.box.width, view.face.box.height)
    values = _worse(values, side, strength, rng)
    if rng.random() < strength.covered:
        _cover(values, view.face.box, rng)
    pixels = (values * 255).round().clip(0, 255).astype(np.uint8)
    if strength.least_quality < 100:
        pixels = _compressed(pixels, int(rng.integers(strength.least_quality, 96)))
    return np.ascontiguousarray(pixels)


def _worse(
    values: np.ndarray, side: float, strength: Strength, rng: np.random.Generator
) -> np.ndarray:
    height, width = values.shape[:2]
    part = rng.uniform(strength.least_size, 1)
    if part < 1:
        small = (max(8, round(width * part)), max(8, round(height * part)))
        reduced = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
        values = cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR)
    deviation = rng.uniform(0, strength.blur) * side
    if deviation > 0.1:
        values = cv2.GaussianBlur(values, (0, 0), deviation)
    noise = rng.uniform(0, strength.noise) / 255
    return values + rng.normal(0, noise, values.shape).astype(np.float32) if noise else values


def _cover(values: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    """A gray band over a fifth of the face's height, across the picture."""
    top = round(box.y + rng.uniform(0, 0.8) * box.height)
    values[max(0, top) : max(0, top + round(box.height / 5))] = rng.uniform(0, 1)


def _compressed(pixels: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
