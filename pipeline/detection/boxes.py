"""Boxes as rows of numbers, and what the stages of MTCNN do with them."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
"""One row a box: x1, y1, x2, y2, confidence; further columns are carried along."""

_CORNERS = slice(0, 4)
_CONFIDENCE = 4
_ROWS_AT_ONCE = 256


def no_boxes() -> Boxes:
    return np.empty((0, _CONFIDENCE + 1))


def best_first(boxes: Boxes) -> Boxes:
    """By confidence; rows of equal confidence in reverse, as the package's sort leaves them."""
    return boxes[np.argsort(boxes[:, _CONFIDENCE])[::-1]]


def unrivalled(boxes: Boxes, overlap: float, of_smaller: bool = False) -> Boxes:
    """The boxes, best first, that overlap no better one by more than `overlap`.

    Overlap is a part of the union of both, or of the smaller one. As in the package, a box that
    loses still rivals the next ones. A few rows at a time: all with all takes gigabytes.
    """
    keep = np.ones(len(boxes), dtype=bool)
    for start in range(0, len(boxes), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(boxes)))
        better = np.arange(rows[-1] + 1)
        near = _overlaps(boxes[rows], boxes[better], of_smaller) > overlap
        keep[rows] = ~(near & (better[None, :] < rows[:, None])).any(axis=1)
    return boxes[keep]


def _overlaps(some: Boxes, others: Boxes, of_smaller: bool) -> Boxes:
    """The overlap of each box of `some` with each of `others`."""
    x1, y1, x2, y2 = (some[:, i, None] for i in range(4))
    left, top, right, bottom = (others[None, :, i] for i in range(4))
    wide = np.maximum(0, np.minimum(x2, right) - np.maximum(x1, left))
    high = np.maximum(0, np.minimum(y2, bottom) - np.maximum(y1, top))
    shared = wide * high
    area, other = (x2 - x1) * (y2 - y1), (right - left) * (bottom - top)
    whole = np.minimum(area, other) if of_smaller else area + other - shared
    with np.errstate(invalid="ignore", divide="ignore"):  # boxes without area overlap nothing
        return np.asarray(shared / whole)


def squares(boxes: Boxes) -> Boxes:
    """The boxes made as wide as high around their centers."""
    sides = boxes[:, 2:4] - boxes[:, 0:2]
    largest = sides.max(axis=1, keepdims=True)
    made = boxes.copy()
    made[:, 0:2] += sides / 2 - largest / 2
    made[:, 2:4] = made[:, 0:2] + largest
    return made


def moved(boxes: Boxes, offsets: npt.NDArray[np.floating]) -> Boxes:
    """The boxes with their corners moved by `offsets` (n, 4), in parts of their sides."""
    sides = boxes[:, 2:4] - boxes[:, 0:2] + 1
    made = boxes.copy()
    made[:, _CORNERS] += offsets * np.tile(sides, 2)
    return made
