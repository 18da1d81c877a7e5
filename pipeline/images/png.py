"""PNG's structure: its size, each chunk's checksum, and the picture without its metadata."""

import zlib

from core.errors import ImageCorrupt
from pipeline.images.headers import MOST_PARTS, Header, Parts, Reader, truncated
from pipeline.images.tiff import exif_orientation

_SIGNATURE_BYTES = 8
# The rest (text, profiles, animation) changes no pixel of the first picture and may be hostile.
_PICTURE = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])

# Writers fill chunks of 8 kB and more; empty ones are a way to keep a reader busy.
_PIXEL_CHUNK_BYTES = 2048
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column, first row, and the steps between them, pass by pass.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_ONE_PASS = ((0, 0, 1, 1),)
_FED_BYTES, _TAKEN_BYTES = 1 << 14, 1 << 20


def read_png(data: bytes) -> Header:
    """Raises ImageCorrupt for a missing end or a chunk whose checksum is wrong."""
    reader = Reader(data, big_endian=True)
    kept = [data[:_SIGNATURE_BYTES]]
    exif = b""
    parts = Parts(MOST_PARTS + len(data) // _PIXEL_CHUNK_BYTES)
    at = _SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        parts.one_more()
        size = reader.number(at, 4)
        kind = reader.slice(at + 4, 4)
        chunk = reader.slice(at, size + 12)
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ImageCorrupt("a part of the photo does not match its checksum")
        if at == _SIGNATURE_BYTES and (kind != b"IHDR" or size != 13):
            raise ImageCorrupt("the photo does not begin with its header")
        if kind == b"eXIf":
            exif = exif or chunk[8:-4]
        if kind in _PICTURE:
            kept.append(chunk)
        at += len(chunk)
    width, height = reader.number(16, 4), reader.number(20, 4)
    return Header(width, height, exif_orientation(exif), b"".join(kept))


def check_png_pixels(clean: bytes) -> None:
    """Raises ImageCorrupt where valid chunks hold fewer pixels than the header promises.

    The decoder would fill them up with black. Time is bounded by the promise, memory is small.
    """
    reader = Reader(clean, big_endian=True)
    missing = _promised_bytes(reader)
    stream = zlib.decompressobj()
    at = _SIGNATURE_BYTES
    while missing > 0 and (kind := reader.slice(at + 4, 4)) != b"IEND":
        size = reader.number(at, 4)
        for start in range(at + 8, at + 8 + size if kind == b"IDAT" else 0, _FED_BYTES):
            fed = reader.slice(start, min(_FED_BYTES, at + 8 + size - start))
            missing -= _inflated(stream, fed, missing)
        at += size + 12
    if missing > 0:
        raise truncated()


def _promised_bytes(reader: Reader) -> int:
    width, height = reader.number(16, 4), reader.number(20, 4)
    depth, color, interlaced = (reader.number(i, 1) for i in (24, 25, 28))
    bits = depth * _SAMPLES.get(color, 0)
    total = 0
    for left, top, step_x, step_y in _PASSES if interlaced else _ONE_PASS:
        columns, rows = -((left - width) // step_x), -((top - height) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)  # one byte names the row's filter
    return total


def _inflated(stream: "zlib._Decompress", fed: bytes, most: int) -> int:
    """How many bytes come out of `fed`, counted up to about `most`."""
    count = 0
    while fed and count < most and not stream.eof:
        count += len(stream.decompress(fed, _TAKEN_BYTES))
        fed = stream.unconsumed_tail
    return count
