"""The three stages of MTCNN: proposals at every size, refined, then decided with landmarks.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks, 2016 (arXiv:1604.02878), with the thresholds and the arithmetic of the `mtcnn` package.
A picture of any content costs bounded work: each stage looks at so many boxes at most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.detection.boxes import Boxes, best_first, moved, no_boxes, squares, unrivalled
from pipeline.detection.sampling import WINDOW_PX, Sampling
from pipeline.images.decode import Pixels
from pipeline.models.onnx_runtime import Floats, OnnxNetwork

_STRIDE_PX = 2
_REFINING_PX, _DECIDING_PX = 24, 48
_PROPOSED, _REFINED, _DECIDED = 0.6, 0.7, 0.8
"""Least probability of a face at each stage."""
_OVERLAP_AT_A_SIZE, _OVERLAP = 0.5, 0.7
MOST_AT_A_SIZE = 5000
"""Of one size of face; each face gives some twenty."""
MOST_PROPOSALS = 1500
MOST_FACES = 400
"""What the last stage looks at; more faces are not told apart."""
RIVAL = 0.5
"""Sizes of face down to this part of the largest one's width are looked through with it."""
_FAR_LARGER = 2.0
"""In area; the same face's box differs by up to a third with the sizes that it was seen at."""
_FAR_ABOVE_LEAST = 1.25
_LARGE_PART = 0.25
_SIZES_AT_A_TIME = 2
_AT_ONCE = 256
"""Crops that run through a network together: memory stays small."""


@dataclass(frozen=True, slots=True)
class Stages:
    """MTCNN's three networks; safe to call from many threads."""

    proposing: OnnxNetwork
    refining: OnnxNetwork
    deciding: OnnxNetwork

    def faces(self, rgb: Pixels, scales: Sequence[float], sampling: Sampling) -> Boxes:
        """Rows x1, y1, x2, y2, confidence, five x, five y; shape (n, 15), best first."""
        levels = zip(scales, sampling.levels(rgb, scales), strict=True)
        found = [no_boxes(), *(self._proposed(seen, at) for at, seen in levels)]
        best = best_first(np.concatenate(found))[:MOST_AT_A_SIZE]
        proposals = squares(unrivalled(best, _OVERLAP)[:MOST_PROPOSALS])
        return self._decided(rgb, self._refined(rgb, proposals, sampling), sampling)

    def largest(self, rgb: Pixels, scales: Sequence[float], sampling: Sampling) -> Boxes:
        """The same, but that faces well below the largest one's size may be left out.

        Sizes are looked through from large faces to small: the smallest are most of the work, and
        of no use where the largest face is asked for. Where it is not the largest by far, or
        hardly larger than the least size, everything is looked at: which one it is must not
        depend on how it was looked for.
        """
        for part in coarse_to_fine(scales, min(rgb.shape[:2])):
            if part[0] == scales[0]:
                break
            seen = self.faces(rgb, part, sampling)
            if len(seen):
                least = min(RIVAL * float((seen[:, 2] - seen[:, 0]).max()), WINDOW_PX / part[0])
                large = [scale for scale in scales if WINDOW_PX / scale >= least]
                faces = self.faces(rgb, large, sampling)
                if is_largest_by_far(faces, WINDOW_PX / scales[0]):
                    return faces
                break
        return self.faces(rgb, scales, sampling)

    def _proposed(self, picture: Floats, scale: float) -> Boxes:
        """What one size shows, in pixels of the whole picture."""
        offsets, probabilities = self.proposing.run(picture)
        boxes = best_first(_windows(offsets[0], probabilities[0, 1]))[:MOST_AT_A_SIZE]
        boxes[:, :4] /= scale
        return unrivalled(boxes, _OVERLAP_AT_A_SIZE)

    def _refined(self, rgb: Pixels, boxes: Boxes, sampling: Sampling) -> Boxes:
        offsets, probabilities = _answers(self.refining, rgb, boxes, sampling, _REFINING_PX)
        boxes = moved(_with_confidence(boxes, probabilities), offsets)
        likely = best_first(boxes[boxes[:, 4] > _REFINED])
        return squares(unrivalled(likely, _OVERLAP))[:MOST_FACES]

    def _decided(self, rgb: Pixels, boxes: Boxes, sampling: Sampling) -> Boxes:
        answers = _answers(self.deciding, rgb, boxes, sampling, _DECIDING_PX)
        offsets, probabilities, landmarks = answers
        points = _landmarks(boxes, landmarks)
        boxes = moved(_with_confidence(boxes, probabilities), offsets)
        rows = np.concatenate([boxes, points], axis=1)
        faces = best_first(rows[rows[:, 4] > _DECIDED])
        return unrivalled(faces, _OVERLAP, of_smaller=True)


def is_largest_by_far(faces: Boxes, least_px: float) -> bool:
    """Whether the largest of `faces` is so beyond doubt; False where there is none."""
    sides = faces[:, 2:4] - faces[:, 0:2]
    areas = np.sort(sides.prod(axis=1))[::-1]
    if not len(areas) or sides[:, 0].max() < _FAR_ABOVE_LEAST * least_px:
        return False
    return len(areas) == 1 or bool(areas[0] >= _FAR_LARGER * areas[1])


def coarse_to_fine(scales: Sequence[float], side_px: int) -> Iterator[Sequence[float]]:
    """`scales`, which fall, in parts: first the faces that fill a quarter of the shorter side."""
    large = [scale for scale in scales if side_px * _LARGE_PART * scale <= WINDOW_PX]
    start = len(scales) - max(len(large), _SIZES_AT_A_TIME)
    end = len(scales)
    while end > 0:
        yield scales[max(0, start) : end]
        start, end = start - _SIZES_AT_A_TIME, start


def _windows(offsets: Floats, probability: Floats) -> Boxes:
    """The likely windows of a size, moved by their offsets (4, rows, columns)."""
    rows, columns = np.nonzero(probability > _PROPOSED)
    corner = np.stack([columns, rows], axis=1) * _STRIDE_PX
    corners = np.concatenate([corner + 1, corner + WINDOW_PX], axis=1)
    corners = corners + offsets[:, rows, columns].T * (WINDOW_PX - 1)
    return np.concatenate([corners, probability[rows, columns, None]], axis=1, dtype=np.float64)


def _answers(
    network: OnnxNetwork, rgb: Pixels, boxes: Boxes, sampling: Sampling, side_px: int
) -> list[npt.NDArray[np.float32]]:
    """The network's outputs for every box, a bounded number at a time."""
    starts = range(0, max(1, len(boxes)), _AT_ONCE)
    pieces = [
        network.run(sampling.crops(rgb, boxes[start : start + _AT_ONCE], side_px))
        for start in starts
    ]
    return [np.concatenate(outputs) for outputs in zip(*pieces, strict=True)]


def _with_confidence(boxes: Boxes, probabilities: Floats) -> Boxes:
    made = boxes.copy()
    made[:, 4] = probabilities[:, 1]
    return made


def _landmarks(boxes: Boxes, parts: Floats) -> Boxes:
    """Five x, five y in pixels, of parts of the boxes' sides (n, 10)."""
    width, height = ((boxes[:, i + 2] - boxes[:, i] + 1)[:, None] for i in (0, 1))
    xs = width * parts[:, :5] + boxes[:, 0:1] - 1
    return np.concatenate([xs, height * parts[:, 5:] + boxes[:, 1:2] - 1], axis=1)
