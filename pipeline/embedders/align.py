"""A face's pixels as its network expects them: one alignment per family of networks.

A face may lie partly outside the picture; what is missing is filled, never an error.
"""

import cv2
import numpy as np
import numpy.typing as npt

from core.types import Box, Face, Landmarks
from pipeline.images.decode import Pixels

ARCFACE_SIDE_PX = 112
# Where the five landmarks stand in a 112 px picture; J. Deng et al., ArcFace, 2019, published
# with its code (insightface, `arcface_src`) and used by the networks trained that way.
ARCFACE_POINTS = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
FACENET_SIDE_PX = 160
FACENET_MARGIN = 0.1
"""Added on each side, as a part of that side of the box.

A choice, not a measurement: the original's margin (32 px of the photo, FaceNet by D. Sandberg) and
keras-facenet's (16 px of the photo on each side) do not grow with the face, ours does.
"""
DLIB_LOWERED = 0.05
DLIB_SIDE = 0.9
"""A square like those of dlib's own detector, which its landmark predictor was trained with."""

Transform = npt.NDArray[np.float64]
"""From the photo's pixels to the crop's, shape (2, 3)."""
_MOST_SAMPLES = 8


def arcface_crop(rgb: Pixels, landmarks: Landmarks, side_px: int = ARCFACE_SIDE_PX) -> Pixels:
    """The face turned and scaled so that its landmarks fall on ArcFace's, (side_px, side_px, 3)."""
    target = np.asarray(ARCFACE_POINTS) * (side_px / ARCFACE_SIDE_PX)
    transform = similarity_transform(np.asarray(landmarks.points()), target)
    return _warped(rgb, transform, side_px)


def margin_crop(rgb: Pixels, box: Box, margin: float, side_px: int) -> Pixels:
    """The box widened by `margin` of its sides, resized to (side_px, side_px, 3)."""
    left, top = box.x - box.width * margin, box.y - box.height * margin
    width, height = box.width * (1 + 2 * margin), box.height * (1 + 2 * margin)
    # cv2's pixels are centered on whole numbers, ours begin there.
    x_scale, y_scale = side_px / width, side_px / height
    transform = np.asarray(
        [
            [x_scale, 0.0, (0.5 - left) * x_scale - 0.5],
            [0.0, y_scale, (0.5 - top) * y_scale - 0.5],
        ]
    )
    return _warped(rgb, transform, side_px)


def dlib_square(face: Face) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the square for dlib's landmark predictor; at least 2 px wide."""
    x, y = face.box.center
    y += DLIB_LOWERED * face.box.height
    half = max(1.0, DLIB_SIDE * face.box.height / 2)
    return round(x - half), round(y - half), round(x + half), round(y + half)


def similarity_transform(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> Transform:
    """The least-squares similarity that takes `source` (n, 2) to `target` (n, 2).

    S. Umeyama, Least-squares estimation of transformation parameters between two point patterns,
    1991, without reflection. Points that all coincide are taken as one pixel wide.
    """
    from_center, to_center = source.mean(axis=0), target.mean(axis=0)
    from_points, to_points = source - from_center, target - to_center
    # As complex numbers a similarity without reflection is one multiplication.
    z, w = _complex(from_points), _complex(to_points)
    spread = float(np.sum(np.abs(z) ** 2))
    factor = complex(np.sum(np.conj(z) * w) / spread) if spread > 0 else 1 + 0j
    if abs(factor) == 0:
        factor = 1 + 0j
    turn = np.asarray([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.hstack([turn, (to_center - turn @ from_center)[:, None]])


def _complex(points: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]


def _warped(rgb: Pixels, transform: Transform, side_px: int) -> Pixels:
    """The warp, sampled finely enough that a large face loses no detail to aliasing."""
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    fine = min(_MOST_SAMPLES, max(1, round(1 / scale))) if scale > 0 else 1
    # cv2's pixels are centered on whole numbers: a finer grid is shifted by half a pixel.
    finer = transform * fine
    finer[:, 2] += (fine - 1) / 2
    size = (side_px * fine, side_px * fine)
    warped = cv2.warpAffine(rgb, finer, size, flags=cv2.INTER_LINEAR)
    if fine > 1:
        warped = cv2.resize(warped, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(warped, dtype=np.uint8)
