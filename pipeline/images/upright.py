"""Pixels turned upright, as a photo's orientation says."""

import cv2
import numpy as np
import numpy.typing as npt

_Pixels = npt.NDArray[np.uint8]


def upright(rgb: _Pixels, orientation: int) -> _Pixels:
    """`rgb` turned and mirrored as EXIF's `orientation` (1-8) says, contiguous if `rgb` is."""
    # Blocks of pixels at a time: a copy of a turned numpy view takes several times as long.
    match orientation:
        case 2:
            turned = cv2.flip(rgb, 1)
        case 3:
            turned = cv2.rotate(rgb, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(rgb, 0)
        case 5:
            turned = cv2.transpose(rgb)
        case 6:
            turned = cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.transpose(cv2.rotate(rgb, cv2.ROTATE_180))
        case 8:
            turned = cv2.rotate(rgb, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return rgb
    return turned.astype(np.uint8, copy=False)
