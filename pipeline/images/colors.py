"""Any of Pillow's modes as RGB, 8 bits a channel."""

import numpy as np
from PIL import Image

from core.errors import UnsupportedImage

_SIXTEEN_BIT = frozenset(["I;16", "I;16L", "I;16B", "I;16N"])
_WITH_ALPHA = frozenset(["LA", "PA", "La", "RGBA", "RGBa"])
_OPAQUE = frozenset(["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"])
_WHITE = (255, 255, 255, 255)


def to_rgb(image: Image.Image) -> Image.Image:
    """`image`, loaded, in RGB: alpha over white, 16 bits scaled and not clipped.

    Raises UnsupportedImage for numbers that are no colors (32-bit integers, floats, LAB).
    """
    mode = image.mode
    if mode in _SIXTEEN_BIT or _is_sixteen_bit_gray(image):
        return _from_sixteen_bit(image)
    if mode in _WITH_ALPHA or "transparency" in image.info:
        return _over_white(image)
    if mode in _OPAQUE:
        return image.convert("RGB")
    raise UnsupportedImage("this variety of the format cannot be read")


def _is_sixteen_bit_gray(image: Image.Image) -> bool:
    # Older Pillow opens a 16-bit gray PNG as 32-bit integers.
    return image.mode == "I" and image.format == "PNG"


def _from_sixteen_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    # LA, PA and the premultiplied modes know no direct way to RGBA's straight alpha but one.
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
    pixels = image.convert(straight).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", pixels.size, _WHITE), pixels).convert("RGB")
