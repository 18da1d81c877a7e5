"""What is sent of a frame: the face with its surroundings, which tell a person from a picture."""

import cv2
import numpy as np

from edge.types import Box, Face, Frame, Pixels

CONTEXT = 2.7
"""The cut's side, in faces: what Silent-Face-Anti-Spoofing's first network looks at."""

_QUALITY = 92
_MOST_PX = 1024


def crop_jpeg(frame: Frame, face: Face, context: float = CONTEXT) -> bytes:
    """The face with context as JPEG, of the large picture where there is one."""
    image, box = best_pixels(frame, face)
    cut = crop(image, box, context)
    reduced = _MOST_PX / max(cut.shape[:2])
    if reduced < 1:
        size = round(cut.shape[1] * reduced), round(cut.shape[0] * reduced)
        cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be stored as JPEG")
    return jpeg.tobytes()


def best_pixels(frame: Frame, face: Face) -> tuple[Pixels, Box]:
    """The largest picture of this moment, and the face's box in it."""
    if frame.large is None:
        return frame.image, face.box
    across = frame.large.shape[1] / frame.image.shape[1]
    down = frame.large.shape[0] / frame.image.shape[0]
    x, y, width, height = face.box
    return frame.large, (x * across, y * down, width * across, height * down)


def crop(image: Pixels, box: Box, context: float = CONTEXT) -> Pixels:
    """`context` times the box around its middle, as far as there is picture."""
    height, width = image.shape[:2]
    left, right = _span(box[0], box[2], context, width)
    top, bottom = _span(box[1], box[3], context, height)
    return np.ascontiguousarray(image[top:bottom, left:right])


def _span(start: float, length: float, context: float, most: int) -> tuple[int, int]:
    middle, half = start + length / 2, length * context / 2
    first = min(max(0, round(middle - half)), most - 1)
    return first, max(first + 1, min(most, round(middle + half)))
