"""Photos that tests make themselves, in every format and mode; no file is needed."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """A picture whose four corners differ, so that any turn or mirroring shows."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(1, width - 1)
    green = 255 * y / max(1, height - 1)
    rgb = np.stack([red, green, 60 + 0 * red], axis=-1)
    return Image.fromarray(rgb.round().astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """`image` as a file of Pillow's format `kind`."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_orientation(image: Image.Image, kind: str, orientation: int) -> bytes:
    """A file whose EXIF states `orientation` for the pixels as they are."""
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(image, kind, exif=exif, quality=95)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int, height: int) -> bytes:
    """A valid PNG header that promises `width` x `height` pixels in a few bytes."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + header + body + png_chunk(b"IEND", b"")


def stored_as(orientation: int, upright: np.ndarray) -> np.ndarray:
    """The pixels that `orientation` turns to `upright`, written down independently with numpy."""
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    return np.asarray(turned)
