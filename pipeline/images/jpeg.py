"""JPEG's structure: the frame's size, the orientation, and whether the end is there."""

import re
from dataclasses import dataclass, field

from core.errors import ImageCorrupt
from pipeline.images.headers import Header, Parts, Reader, truncated
from pipeline.images.tiff import exif_orientation

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_EXIF = 0xE1
_ADOBE = 0xEE
_METADATA = frozenset([*range(0xE0, 0xF0), 0xFE]) - {_ADOBE}
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])
# In the pixels, FF is followed by 00 (a stuffed FF), a restart marker, or filling FFs.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FILL = re.compile(rb"\xff*")
# No camera writes more; thousands of scans are a way to keep a decoder busy.
_MOST_SCANS = 100
# Each scan visits every pixel, however few bytes it has. Progressive photos have about ten.
_MOST_SCANNED_PIXELS = 1_280_000_000
_ALWAYS_ALLOWED_SCANS = 20


@dataclass(slots=True)
class _Found:
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    scans: int = 0
    kept: list[bytes] = field(default_factory=list)


def read_jpeg(data: bytes) -> Header:
    """Raises ImageCorrupt for a file without its end, without a frame, or with endless scans.

    What follows the end of the image (previews, a second picture, a payload) is dropped. Pixels
    that stop before an end that is there are the decoder's to notice.
    """
    reader = Reader(data, big_endian=True)
    found = _Found(kept=[data[:2]])
    parts = Parts()
    at = _marker_at(reader, 2)
    while (marker := reader.number(at + 1, 1)) != _END_OF_IMAGE:
        parts.one_more()
        at = _marker_at(reader, _segment(reader, at, marker, found))
    if found.size is None or not found.scans:
        raise ImageCorrupt("the photo holds no picture")
    found.kept.append(b"\xff\xd9")
    orientation = exif_orientation(found.exif or b"")
    return Header(*found.size, orientation, b"".join(found.kept))


def _marker_at(reader: Reader, at: int) -> int:
    """Where the marker at `at` really begins: any number of FF may come before its own."""
    if reader.number(at, 1) != 0xFF:
        raise ImageCorrupt("the photo's structure is broken")
    fill = _FILL.match(reader.data, at)
    return fill.end() - 1 if fill else at


def _segment(reader: Reader, at: int, marker: int, found: _Found) -> int:
    if marker in _ALONE:
        return at + 2
    end = at + 2 + max(2, reader.number(at + 2, 2))
    reader.slice(at, end - at)
    if marker in _FRAMES:
        _note_frame(reader, at, found)
    elif marker == _EXIF and reader.data[at + 4 : at + 10] == b"Exif\x00\x00":
        # The first counts, as it does for other readers, and is read only once.
        found.exif = found.exif or reader.data[at + 10 : end]
    elif marker == _START_OF_SCAN:
        end = _scan_end(reader.data, end)
        found.scans += 1
        _check_scans(found)
    if marker not in _METADATA:
        found.kept.append(reader.data[at:end])
    return end


def _note_frame(reader: Reader, at: int, found: _Found) -> None:
    if found.size is not None:
        raise ImageCorrupt("the photo holds more than one frame")
    found.size = (reader.number(at + 7, 2), reader.number(at + 5, 2))


def _check_scans(found: _Found) -> None:
    width, height = found.size or (1, 1)
    allowed = _MOST_SCANNED_PIXELS // max(1, width * height)
    if found.scans > min(_MOST_SCANS, max(_ALWAYS_ALLOWED_SCANS, allowed)):
        raise ImageCorrupt("the photo is stored in too many passes for its size")


def _scan_end(data: bytes, start: int) -> int:
    marker = _MARKER_IN_SCAN.search(data, start)
    if marker is None:
        raise truncated()
    return marker.start()
