"""Photos that tests make from a public-domain one: many files, one astronaut."""

import io

import numpy as np
from PIL import Image
from skimage import data


def astronaut(size_px: int = 256, brightness: float = 1.0, shift_px: int = 0) -> bytes:
    """The astronaut's face as JPEG; other arguments give other bytes of the same person."""
    picture = Image.fromarray(data.astronaut()).crop((100 + shift_px, 0, 356 + shift_px, 256))
    pixels = np.clip(np.asarray(picture, dtype=np.float32) * brightness, 0, 255)
    return _jpeg(Image.fromarray(pixels.astype(np.uint8)).resize((size_px, size_px)))


def numbered(number: int) -> bytes:
    """The `number`-th of many different photos of the astronaut, 0-399."""
    return astronaut(brightness=0.8 + 0.02 * (number % 20), shift_px=number // 20 - 10)


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=92)
    return stream.getvalue()
