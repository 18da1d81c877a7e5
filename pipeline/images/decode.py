"""From a photo's bytes to upright RGB pixels, or a plain reason why not.

libjpeg-turbo decodes JPEGs, Pillow the rest and what libjpeg-turbo leaves to it. Nothing of
Pillow's process-wide state is used: its format classes are called directly on a file whose size
was read and judged before, so its own bomb check, plugin registry and tolerance of truncated
files play no part. Color profiles are ignored: face networks are trained without them.
"""

import io
import struct
import threading
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.errors import EmptyFile, ImageCorrupt, ImageTooLarge
from pipeline.images.headers import Header, HeaderReader, Kind, sniff
from pipeline.images.heif import decode_heif
from pipeline.images.jpeg import read_jpeg
from pipeline.images.jpeg_pixels import decode_jpeg, drafted_size, eighths
from pipeline.images.others import read_bmp, read_gif, read_heif, read_webp
from pipeline.images.png import check_png_pixels, read_png
from pipeline.images.reduce import reduced_pixels, reduced_rgb
from pipeline.images.tiff import read_tiff
from pipeline.images.upright import upright

Pixels = npt.NDArray[np.uint8]
"""RGB, shape (h, w, 3), contiguous."""

WORKING_LONG_SIDE_PX = 2048
"""No photo is worked on at a larger size: a face of 40 px is found in it, memory stays small."""

LARGE_PIXELS = 16_000_000
# Memory is the whole process's, so is this: a large photo may take a gigabyte while it is decoded,
# and as many requests as there are threads would take it at once. It guards no data of ours.
_ONE_LARGE = threading.BoundedSemaphore(1)

_READERS: Mapping[Kind, HeaderReader] = MappingProxyType(
    {
        Kind.JPEG: read_jpeg,
        Kind.PNG: read_png,
        Kind.WEBP: read_webp,
        Kind.HEIF: read_heif,
        Kind.BMP: read_bmp,
        Kind.TIFF: read_tiff,
        Kind.GIF: read_gif,
    }
)
_DECODERS: Mapping[Kind, type[ImageFile.ImageFile]] = MappingProxyType(
    {
        Kind.JPEG: JpegImagePlugin.JpegImageFile,
        Kind.PNG: PngImagePlugin.PngImageFile,
        Kind.WEBP: WebPImagePlugin.WebPImageFile,
        Kind.BMP: BmpImagePlugin.BmpImageFile,
        Kind.TIFF: TiffImagePlugin.TiffImageFile,
        Kind.GIF: GifImagePlugin.GifImageFile,
    }
)
_FIRST_ON_ITS_SIDE = 5
# What Pillow's format classes raise for bytes they cannot make sense of.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """Upright pixels to work on, and the size of the upright original in pixels.

    `scale` is working pixels per original pixel, at most 1.
    """

    rgb: Pixels
    scale: float
    width: int
    height: int


def decode(data: bytes, max_pixels: int) -> Photo:
    """The photo in `data`, whole and upright, its long side reduced to WORKING_LONG_SIDE_PX.

    Raises EmptyFile, UnsupportedImage, ImageTooLarge above `max_pixels` (judged before decoding),
    or ImageCorrupt for anything that does not decode to its last pixel.
    """
    if not data:
        raise EmptyFile("the file is empty")
    kind = sniff(data)
    header = _READERS[kind](data)
    if header.width * header.height > max_pixels:
        raise ImageTooLarge(
            "the photo has more pixels than allowed",
            {"width": header.width, "height": header.height, "max_pixels": max_pixels},
        )
    try:
        with _turn(header):
            rgb, scale = _working(kind, header)
            rgb = upright(rgb, header.orientation)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("a part of the photo has more pixels than allowed") from error
    except _DECODER_ERRORS as error:
        raise ImageCorrupt("the photo cannot be decoded") from error
    turned = header.orientation >= _FIRST_ON_ITS_SIDE
    width, height = (header.height, header.width) if turned else (header.width, header.height)
    return Photo(rgb, scale, width, height)


def _turn(header: Header) -> AbstractContextManager[object]:
    """Large photos are decoded one after the other, others at once."""
    return _ONE_LARGE if header.width * header.height > LARGE_PIXELS else nullcontext()


def _working(kind: Kind, header: Header) -> tuple[Pixels, float]:
    """RGB as stored, at most of the working size, and its pixels per pixel of the original."""
    long_side = max(header.width, header.height)
    if kind is Kind.JPEG:
        parts = eighths(long_side, WORKING_LONG_SIDE_PX)
        if (rgb := decode_jpeg(header, parts)) is not None:
            size = (rgb.shape[1], rgb.shape[0])
            small = reduced_pixels(rgb, _working_size(size))
            return small, parts / 8 * max(small.shape[:2]) / max(size)
    image = _loaded(kind, header)
    small = np.asarray(reduced_rgb(image, _working_size(image.size)))
    # The decoder rounds up: the size it gave is not the original's divided by its whole number.
    drafted = round(long_side / max(image.size))
    return small, max(small.shape[:2]) / max(image.size) / drafted


def _loaded(kind: Kind, header: Header) -> Image.Image:
    """Every pixel decoded by Pillow; a large JPEG at 1/2, 1/4 or 1/8 of its size."""
    if kind is Kind.HEIF:
        mode, pixels = decode_heif(header.clean)
        return Image.fromarray(pixels).convert(mode)
    if kind is Kind.PNG:
        check_png_pixels(header.clean)
    image = _DECODERS[kind](io.BytesIO(header.clean))
    if kind is Kind.JPEG:
        image.draft(image.mode, drafted_size(image.size, WORKING_LONG_SIDE_PX))
    image.load()
    return image


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, WORKING_LONG_SIDE_PX / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
