"""The structures of WebP, GIF, BMP and HEIF, as far as size, direction and completeness go."""

from collections.abc import Iterator

from core.errors import ImageCorrupt
from pipeline.images.headers import MOST_PARTS, Header, Parts, Reader, truncated
from pipeline.images.heif import heif_size
from pipeline.images.tiff import exif_orientation

_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B
# A GIF's pixels come in blocks of up to 255 bytes, which all writers fill.
_GIF_BLOCK_BYTES = 64


def read_webp(data: bytes) -> Header:
    """Raises ImageCorrupt where the container is longer than the file or holds no picture."""
    reader = Reader(data, big_endian=False)
    end = 8 + reader.number(4, 4)
    if end > len(data):
        raise truncated()
    size: tuple[int, int] | None = None
    exif = b""
    for kind, at, length in _riff_chunks(reader, end):
        if kind in (b"VP8X", b"VP8 ", b"VP8L"):
            size = size or _webp_size(reader, kind, at)
        elif kind == b"EXIF":
            exif = exif or reader.slice(at, length).removeprefix(b"Exif\x00\x00")
    if size is None:
        raise ImageCorrupt("the photo holds no picture")
    return Header(*size, exif_orientation(exif), data[:end])


def _riff_chunks(reader: Reader, end: int) -> Iterator[tuple[bytes, int, int]]:
    parts = Parts()
    at = 12
    while at + 8 <= end:
        parts.one_more()
        length = reader.number(at + 4, 4)
        reader.slice(at + 8, length)
        yield reader.slice(at, 4), at + 8, length
        at += 8 + length + length % 2


def _webp_size(reader: Reader, kind: bytes, at: int) -> tuple[int, int]:
    if kind == b"VP8X":
        return reader.number(at + 4, 3) + 1, reader.number(at + 7, 3) + 1
    if kind == b"VP8L":
        bits = reader.number(at + 1, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return reader.number(at + 6, 2) & 0x3FFF, reader.number(at + 8, 2) & 0x3FFF


def read_gif(data: bytes) -> Header:
    """The size that holds the screen and the first frame; raises ImageCorrupt without an end."""
    reader = Reader(data, big_endian=False)
    width, height = reader.number(6, 2), reader.number(8, 2)
    at = 13 + _palette_bytes(reader.number(10, 1))
    first_end = 0
    parts = Parts(MOST_PARTS + len(data) // _GIF_BLOCK_BYTES)
    while (block := reader.number(at, 1)) != _GIF_END:
        if block == _GIF_EXTENSION:
            at = _after_blocks(reader, at + 2, parts)
        elif block == _GIF_IMAGE:
            left, top, w, h = (reader.number(at + i, 2) for i in (1, 3, 5, 7))
            start = at + 11 + _palette_bytes(reader.number(at + 9, 1))
            at = _after_blocks(reader, start, parts)
            if not first_end:
                width, height, first_end = max(width, left + w), max(height, top + h), at
        else:
            raise ImageCorrupt("the photo's structure is broken")
    if not first_end:
        raise ImageCorrupt("the photo holds no picture")
    return Header(width, height, 1, data[:first_end] + b"\x3b")


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(reader: Reader, at: int, parts: Parts) -> int:
    parts.one_more()
    while size := reader.number(at, 1):
        parts.one_more()
        at += size + 1
    return at + 1


def read_bmp(data: bytes) -> Header:
    reader = Reader(data, big_endian=False)
    if reader.number(14, 4) == 12:  # OS/2's header
        return Header(reader.number(18, 2), reader.number(20, 2), 1, data)
    height = abs(reader.number(22, 4, signed=True))  # negative: stored from the top
    return Header(reader.number(18, 4, signed=True), height, 1, data)


def read_heif(data: bytes) -> Header:
    """The primary picture's size, as its decoder will turn it upright itself."""
    return Header(*heif_size(data), 1, data)
