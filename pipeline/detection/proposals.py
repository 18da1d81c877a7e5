"""MTCNN's first stage with bounds: where faces may be, in a picture of any content.

The package's own compares every two proposals of a picture in one matrix: a picture tiled with
small faces has a hundred thousand proposals, and the matrix would take tens of gigabytes. This one
gives the same proposals, but at most so many, and compares them a few rows at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.floating]
"""One row a proposal: picture, x1, y1, x2, y2, confidence."""

WINDOW_PX = 12
LEAST_FACE_PX = 20
_STEP = 0.709
SKIPS_FOR_FACE_PX = 40
"""A face of this size is seen at the third step (its window is 20 / 0.709² = 39.8 px)."""
LARGE_PX = 1024
_LEAST_CONFIDENCE = 0.6
_OVERLAP_AT_A_STEP, _OVERLAP = 0.5, 0.7
MOST_AT_A_STEP = 5000
"""Of one size of face; each face gives some twenty."""
MOST_PROPOSALS = 1500
"""What the second stage looks at: it too compares every two, in memory that grows as the square."""
MOST_FACES = 400
"""What the third stage looks at, in a megabyte of memory each; more faces are not told apart."""
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Proposals:
    """Called by MTCNN as its first stage. `network`, `resized`, `boxes_of` are the package's."""

    network: Callable[[Any], tuple[Any, Any]]
    resized: Callable[[Any, float], Any]
    boxes_of: Callable[[Any, Any, float], Boxes]
    least_face_px: int

    def __call__(
        self,
        bboxes_batch: None,  # noqa: ARG002 - MTCNN names its arguments
        images_normalized: Any,
        images_oshapes: Any,  # noqa: ARG002
    ) -> Boxes:
        height, width = images_normalized.shape[1:3]
        steps = scales(width, height, self.least_face_px)
        found = [np.empty((0, 6)), *(self._at(images_normalized, float(s)) for s in steps)]
        best = _by_confidence(np.concatenate(found))[:MOST_AT_A_STEP]
        return _squares(unrivalled(best, _OVERLAP)[:MOST_PROPOSALS])

    def _at(self, picture: Any, scale: float) -> Boxes:
        offsets, faces = self.network(self.resized(picture, scale))
        boxes = self.boxes_of(offsets, faces, _LEAST_CONFIDENCE)[:MOST_AT_A_STEP]
        boxes[:, 1:5] /= scale
        return unrivalled(boxes, _OVERLAP_AT_A_STEP)


@dataclass(frozen=True, slots=True)
class BestRefined:
    """The best MOST_FACES of the package's second stage, which sorts them."""

    stage: Callable[..., Boxes]

    def __call__(
        self,
        bboxes_batch: Boxes,
        images_normalized: Any,
        images_oshapes: Any,  # noqa: ARG002 - MTCNN names its arguments
    ) -> Boxes:
        found = self.stage(bboxes_batch=bboxes_batch, images_normalized=images_normalized)
        return found[:MOST_FACES]


def scales(width: int, height: int, least_face_px: int) -> npt.NDArray[np.float64]:
    """The sizes at which the picture is looked through with a window of WINDOW_PX.

    In a large picture the first, which is for faces below 28 px and costs as much as all others
    together, is left out where such faces are of no use.
    """
    count = round(-(np.log(min(width, height) / WINDOW_PX) / np.log(_STEP) + 1))
    all_sizes = WINDOW_PX / LEAST_FACE_PX * _STEP ** np.arange(max(0, count))
    large = max(width, height) > LARGE_PX and least_face_px >= SKIPS_FOR_FACE_PX
    return all_sizes[1:] if large else all_sizes


def unrivalled(boxes: Boxes, overlap: float) -> Boxes:
    """The boxes, best first, that overlap no better one by more than `overlap` of their union."""
    keep = np.ones(len(boxes), dtype=bool)
    for start in range(0, len(boxes), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(boxes)))
        better = np.arange(rows[-1] + 1)
        near = _overlaps(boxes[rows], boxes[better]) > overlap
        keep[rows] = ~(near & (better[None, :] < rows[:, None])).any(axis=1)
    return boxes[keep]


def _overlaps(some: Boxes, others: Boxes) -> Boxes:
    """Intersection over union of each box of `some` with each of `others`."""
    x1, y1, x2, y2 = (some[:, i, None] for i in range(1, 5))
    left, top, right, bottom = (others[None, :, i] for i in range(1, 5))
    wide = np.maximum(0, np.minimum(x2, right) - np.maximum(x1, left))
    high = np.maximum(0, np.minimum(y2, bottom) - np.maximum(y1, top))
    shared = wide * high
    both = (x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - shared
    return np.asarray(shared / both)


def _by_confidence(boxes: Boxes) -> Boxes:
    return boxes[np.argsort(boxes[:, 5])[::-1]]


def _squares(boxes: Boxes) -> Boxes:
    """The boxes made as wide as high around their centers."""
    sides = boxes[:, 3:5] - boxes[:, 1:3]
    largest = sides.max(axis=1, keepdims=True)
    squares = boxes.copy()
    squares[:, 1:3] += sides / 2 - largest / 2
    squares[:, 3:5] = squares[:, 1:3] + largest
    return squares
