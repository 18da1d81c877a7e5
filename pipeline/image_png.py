"""PNG's structure: its size, each chunk's checksum, and the picture without its metadata."""

import zlib

from core.errors import ImageCorrupt
from pipeline.image_headers import Header, Reader
from pipeline.image_tiff import exif_orientation

_SIGNATURE_BYTES = 8
# The rest (text, profiles, animation) changes no pixel of the first picture and may be hostile.
_PICTURE = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])


def read_png(data: bytes) -> Header:
    """Raises ImageCorrupt for a missing end or a chunk whose checksum is wrong."""
    reader = Reader(data, big_endian=True)
    kept = [data[:_SIGNATURE_BYTES]]
    orientation = 1
    at = _SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        size = reader.number(at, 4)
        kind = reader.slice(at + 4, 4)
        chunk = reader.slice(at, size + 12)
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ImageCorrupt("a part of the photo does not match its checksum")
        if at == _SIGNATURE_BYTES and (kind != b"IHDR" or size != 13):
            raise ImageCorrupt("the photo does not begin with its header")
        if kind == b"eXIf":
            orientation = exif_orientation(chunk[8:-4])
        if kind in _PICTURE:
            kept.append(chunk)
        at += len(chunk)
    width, height = reader.number(16, 4), reader.number(20, 4)
    return Header(width, height, orientation, b"".join(kept))
