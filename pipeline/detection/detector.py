"""What a detector is, and the second look for faces that fill the frame."""

from typing import Protocol

import cv2
import numpy as np

from core.types import Face
from pipeline.images.decode import Pixels

PADDING = 0.5
"""Border added for the second look, as a part of the picture's longer side."""
SECOND_LOOK_PX = 640
"""The second look's picture is no longer than this: a face that fills the frame is large in it."""
SECOND_LOOK_FACE = 0.125
"""The least face of the second look, as a part of its picture's longer side without the border."""


class Detector(Protocol):
    """Finds faces with five landmarks; safe to call from many threads."""

    @property
    def id(self) -> str:
        """Its name in the registry and in embedding specs."""
        ...

    def load(self) -> None:
        """Load now instead of at the first use; raises ModelUnavailable."""
        ...

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        """Faces of `rgb` (h, w, 3) in its pixels; boxes may cross its borders. May be empty.

        Faces narrower than `least_face_px` need not be found; with `largest_only`, neither
        those that are clearly smaller than the largest.
        """
        ...


class PaddedSecondTry:
    """A detector that, finding nothing, looks again at the picture inside a wider frame.

    Detectors are trained on faces with surroundings; a portrait cut at chin and forehead
    has none until it is padded.
    """

    def __init__(self, inner: Detector) -> None:
        self._inner = inner

    @property
    def id(self) -> str:
        return self._inner.id

    def load(self) -> None:
        self._inner.load()

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        found = self._inner.detect(rgb, least_face_px, largest_only)
        if found:
            return found
        small, factor = _reduced(rgb)
        side = max(small.shape[:2])
        least = max(least_face_px * factor, side * SECOND_LOOK_FACE)
        border = padding_px(small.shape[1], small.shape[0])
        faces = self._inner.detect(padded(small, border), least, largest_only)
        return [face.shifted(-border, -border).scaled(1 / factor) for face in faces]


def _reduced(rgb: Pixels) -> tuple[Pixels, float]:
    """`rgb` at SECOND_LOOK_PX, and its pixels per pixel of `rgb`."""
    height, width = rgb.shape[:2]
    factor = min(1.0, SECOND_LOOK_PX / max(height, width))
    if factor == 1.0:
        return rgb, factor
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), factor


def padding_px(width: int, height: int) -> int:
    """The border of the second look for a picture of this size."""
    return round(max(width, height) * PADDING)


def padded(rgb: Pixels, border: int) -> Pixels:
    """`rgb` with `border` pixels of its mean color on each side."""
    color = [float(c) for c in rgb.reshape(-1, 3).mean(axis=0)]
    framed = cv2.copyMakeBorder(
        rgb, border, border, border, border, cv2.BORDER_CONSTANT, value=color
    )
    return np.ascontiguousarray(framed, dtype=np.uint8)
