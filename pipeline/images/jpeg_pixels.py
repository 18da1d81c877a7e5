"""JPEG's pixels through libjpeg-turbo, which also tells where it had to guess."""

import numpy as np
import numpy.typing as npt
import simplejpeg  # type: ignore[import-untyped]

from core.errors import ImageCorrupt
from pipeline.images.headers import Header

LEAST_LONG_SIDE_PX = 1600
"""A photo above the working size is decoded at the fewest eighths that leave this much."""

_FULL = 8
_DIRECT = frozenset(["Gray", "YCbCr", "RGB"])
# libjpeg's words for pixels it made up. Its other warnings (bytes too many before a marker, odd
# parameters) come with photos of real cameras that are whole.
_MADE_UP = ("premature end", "bad Huffman code", "instead of RST")


def eighths(long_side: int, most: int) -> int:
    """How many eighths of its size a JPEG is decoded at; 8 where it has at most `most` pixels."""
    if long_side <= most:
        return _FULL
    return min(_FULL, -(-_FULL * LEAST_LONG_SIDE_PX // long_side))


def drafted_size(size: tuple[int, int], most: int) -> tuple[int, int]:
    """What to ask Pillow for, which knows 1/2, 1/4 and 1/8, and gives the next larger."""
    parts = eighths(max(size), most)
    return max(1, size[0] * parts // _FULL), max(1, size[1] * parts // _FULL)


def decode_jpeg(header: Header, parts: int) -> npt.NDArray[np.uint8] | None:
    """RGB as stored, at `parts` eighths of the size; None for what only Pillow can judge.

    Raises ImageCorrupt where pixels are missing or damaged, as far as the decoder notices.
    """
    sides = (header.height, header.width)
    height, width = (0, 0) if parts == _FULL else (-(-side * parts // _FULL) for side in sides)
    try:
        if simplejpeg.decode_jpeg_header(header.clean)[2] not in _DIRECT:
            return None
        found: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            header.clean, min_height=height, min_width=width
        )
    except ValueError as error:
        if any(words in str(error) for words in _MADE_UP):
            raise ImageCorrupt("the photo's pixels are damaged or incomplete") from error
        return None
    return found
