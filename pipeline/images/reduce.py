"""A decoded picture brought to RGB and to its working size without large copies on the way."""

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.images.colors import to_rgb

_BAND_PIXELS = 1_000_000
# Up to here two neighbors a pixel lose no more than the mean does, in a fifth of its time.
_LITTLE = 1.2


def reduced_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image`, loaded, in RGB at `size`, which is no larger.

    Raises UnsupportedImage as `to_rgb` does. Colors are converted band by band, and each band is
    reduced by a whole number before the next: converted at once, a picture of 64 megapixels with
    alpha takes a gigabyte more than it has itself.
    """
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    if image.mode == "RGB" and "transparency" not in image.info:
        return _resized(image.reduce(factor) if factor > 1 else image, image.size, factor, size)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (image.width * factor))
    for top in range(0, image.height, rows):
        band = to_rgb(_band(image, top, min(top + rows, image.height)))
        small.paste(band.reduce(factor), (0, top // factor))
    return _resized(small, image.size, factor, size)


def _resized(
    small: Image.Image, original: tuple[int, int], factor: int, size: tuple[int, int]
) -> Image.Image:
    if small.size == size:
        return small
    # The last column and row may stand for less than a whole pixel.
    covered = (0.0, 0.0, original[0] / factor, original[1] / factor)
    return small.resize(size, Image.Resampling.BILINEAR, box=covered)


def reduced_pixels(rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """`rgb` at `size` (width, height), which is no larger, without aliasing."""
    if (rgb.shape[1], rgb.shape[0]) == size:
        return rgb
    little = max(rgb.shape[:2]) <= _LITTLE * max(size)
    how = cv2.INTER_LINEAR if little else cv2.INTER_AREA
    return cv2.resize(rgb, size, interpolation=how).astype(np.uint8, copy=False)


def _band(image: Image.Image, top: int, bottom: int) -> Image.Image:
    band = image.crop((0, top, image.width, bottom))
    band.format = image.format  # by which to_rgb tells 16-bit gray from 32-bit numbers
    return band
