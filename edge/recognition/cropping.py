"""A face's pixels as its network takes them, cut out as the server does; pure."""

import cv2
import numpy as np
import numpy.typing as npt

from edge.embedding import similarity_transform
from edge.recognition.manifest import ARCFACE, Input
from edge.recognition.network import Vector
from edge.types import Box, Face, Pixels

Transform = npt.NDArray[np.float64]
# Where the landmarks stand in a 112 px picture; J. Deng et al., ArcFace, 2019 (insightface).
_POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
           (70.7299, 92.2041))  # fmt: skip
_POINTS_SIDE_PX = 112
_MOST_SAMPLES = 8


def network_input(image: Pixels, face: Face, given: Input) -> Vector | None:
    """The face of a BGR picture as a batch of one; None where the face is no place."""
    transform = _transform(face, given)
    if not np.isfinite(transform).all():
        return None
    cut = _warped(image, transform, given.side_px)
    ordered = cut if given.channels == "bgr" else cut[..., ::-1]
    mean, deviation = np.asarray(given.mean, np.float32), np.asarray(given.std, np.float32)
    batch = ((ordered.astype(np.float32) / 255 - mean) / deviation)[None]
    return np.ascontiguousarray(
        batch.transpose(0, 3, 1, 2) if given.layout == "nchw" else batch, np.float32
    )


def mirrored(batch: Vector, given: Input) -> Vector:
    """The same face seen in a mirror."""
    flipped = batch[..., ::-1] if given.layout == "nchw" else batch[:, :, ::-1]
    return np.ascontiguousarray(flipped)


def _transform(face: Face, given: Input) -> Transform:
    if given.alignment == ARCFACE:
        target = np.asarray(_POINTS) * (given.side_px / _POINTS_SIDE_PX)
        return similarity_transform(np.asarray(face.landmarks, np.float64), target)
    return _of_box(face.box, given.margin, given.side_px)


def _of_box(box: Box, margin: float, side_px: int) -> Transform:
    """The box widened by `margin` of its sides on each side."""
    x, y, width, height = box
    left, top = x - width * margin, y - height * margin
    x_scale = side_px / max(width * (1 + 2 * margin), 1e-6)
    y_scale = side_px / max(height * (1 + 2 * margin), 1e-6)
    # cv2's pixels are centered on whole numbers, ours begin there.
    return np.asarray(
        [
            [x_scale, 0.0, (0.5 - left) * x_scale - 0.5],
            [0.0, y_scale, (0.5 - top) * y_scale - 0.5],
        ]
    )


def _warped(image: Pixels, transform: Transform, side_px: int) -> Pixels:
    """The warp, sampled finely enough that a large face loses no detail to aliasing."""
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    fine = min(_MOST_SAMPLES, max(1, round(1 / scale))) if scale > 0 else 1
    finer = transform * fine
    finer[:, 2] += (fine - 1) / 2
    warped = cv2.warpAffine(image, finer, (side_px * fine, side_px * fine))
    if fine > 1:
        warped = cv2.resize(warped, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return warped.astype(np.uint8)
