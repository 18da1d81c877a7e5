"""How MTCNN sees a picture: at many sizes for its first stage, box by box for the others."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.detection.boxes import Boxes
from pipeline.images.decode import Pixels
from pipeline.models.onnx_runtime import Floats

WINDOW_PX = 12
"""What P-Net looks at in one piece."""
STEP = 0.709
"""From one size to the next, half the area."""
_MOST_ROWS = 32_000
"""cv2 counts the rows of a map in 16 bits."""
_GRAY = (127.5, 127.5, 127.5)
"""Zero to the networks: what lies outside of the picture."""


class Sampling(Protocol):
    """Where the networks' input comes from; pixels are 0 to 255."""

    def levels(self, rgb: Pixels, scales: Sequence[float]) -> Iterator[Floats]:
        """`rgb` at each of `scales`, which fall: (1, h, w, 3)."""
        ...

    def crops(self, rgb: Pixels, boxes: Boxes, side_px: int) -> Floats:
        """The inside of each box, (n, side_px, side_px, 3), gray where there is no picture."""
        ...


def scales_for(width: int, height: int, least_face_px: float) -> list[float]:
    """The sizes at which faces from `least_face_px` up are as large as the window."""
    scales = []
    scale = WINDOW_PX / least_face_px
    while min(int(width * scale), int(height * scale)) >= WINDOW_PX:
        scales.append(scale)
        scale *= STEP
    return scales


class FastSampling:
    """Each size is made of the one before it: a tenth of the time of making each of the whole."""

    def levels(self, rgb: Pixels, scales: Sequence[float]) -> Iterator[Floats]:
        height, width = rgb.shape[:2]
        picture = rgb
        for scale in scales:
            picture = _reduced(picture, int(width * scale), int(height * scale))
            yield picture[None].astype(np.float32)

    def crops(self, rgb: Pixels, boxes: Boxes, side_px: int) -> Floats:
        if not len(boxes):
            return np.empty((0, side_px, side_px, 3), np.float32)
        at_once = _MOST_ROWS // side_px
        pieces = [
            _remapped(rgb, boxes[start : start + at_once], side_px)
            for start in range(0, len(boxes), at_once)
        ]
        return np.concatenate(pieces).astype(np.float32)


def _reduced(picture: Pixels, width: int, height: int) -> Pixels:
    """By halves, each of which counts every pixel, and the rest by interpolation."""
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        # An odd last row or column would cost ten times as much.
        picture = picture[: 2 * half[1], : 2 * half[0]]
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _remapped(rgb: Pixels, boxes: Boxes, side_px: int) -> Pixels:
    columns, rows = sample_points(boxes, rgb.shape[1], rgb.shape[0], side_px)
    shape = (len(boxes), side_px, side_px)
    xs = np.broadcast_to(columns[:, None, :], shape).reshape(-1, side_px)
    ys = np.broadcast_to(rows[:, :, None], shape).reshape(-1, side_px)
    border = cv2.BORDER_CONSTANT
    seen = cv2.remap(rgb, xs, ys, cv2.INTER_LINEAR, borderMode=border, borderValue=_GRAY)
    return np.asarray(seen, np.uint8).reshape(*shape, 3)


def sample_points(
    boxes: Boxes, width: int, height: int, side_px: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The columns and rows (n, side_px) of `rgb` at which a box is sampled, corner to corner.

    As tf.image.crop_and_resize does: boxes are parts of the sides, samples of the last pixel.
    """
    parts = (boxes[:, :4] / np.asarray([width, height, width, height])).astype(np.float32)
    steps = np.arange(side_px, dtype=np.float32)

    def along(low: npt.NDArray[np.float32], high: npt.NDArray[np.float32], size: int) -> Floats:
        last = np.float32(size - 1)
        step = (high - low) * last / np.float32(side_px - 1)
        points: Floats = low[:, None] * last + steps * step[:, None]
        return points

    return along(parts[:, 0], parts[:, 2], width), along(parts[:, 1], parts[:, 3], height)
