"""TIFF's directory, which is also EXIF's: orientation, and a picture without foreign tags."""

import struct
from dataclasses import dataclass

from core.errors import ImageCorrupt
from pipeline.images.headers import Header, Reader

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_OFFSETS_AND_SIZES = ((273, 279), (324, 325))
# Tags that say how pixels are stored. Width and height, compression, colors, layout, ...
_SINGLE = frozenset([256, 257, 259, 262, 266, 274, 277, 278, 284, 317, 322, 323])
_MANY = frozenset([258, 273, 279, 320, 324, 325, 338, 339, 347, 529, 530, 531, 532])
_MOST_ENTRIES = 1000
# Strips of one row each in a picture of a thousand megapixels.
_MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class _Entry:
    raw: bytes
    values_at: int
    size: int
    count: int


class _Directory:
    """The first directory of TIFF data; raises ImageCorrupt where it is not there."""

    def __init__(self, data: bytes) -> None:
        self.big_endian = data[:2] == b"MM"
        self.reader = Reader(data, self.big_endian)
        if data[:2] not in (b"II", b"MM") or self.reader.number(2, 2) != 42:
            raise ImageCorrupt("the photo's directory is broken")
        self.entries: dict[int, _Entry] = {}
        start = self.reader.number(4, 4)
        count = self.reader.number(start, 2)
        if count > _MOST_ENTRIES:
            raise ImageCorrupt("the photo's directory is broken")
        for at in range(start + 2, start + 2 + count * 12, 12):
            self._add(at)

    def _add(self, at: int) -> None:
        reader = self.reader
        raw = reader.slice(at, 12)
        tag, kind, count = reader.number(at, 2), reader.number(at + 2, 2), reader.number(at + 4, 4)
        size = _TYPE_BYTES.get(kind, 0)
        inline = size * count <= 4
        values_at = at + 8 if inline else reader.number(at + 8, 4)
        self.entries[tag] = _Entry(raw, values_at, size, count)

    def numbers(self, tag: int) -> list[int]:
        """The whole-number values of `tag`; empty where it is missing."""
        entry = self.entries.get(tag)
        if entry is None:
            return []
        if entry.size not in (1, 2, 4) or entry.count > _MOST_VALUES:
            raise ImageCorrupt("the photo's directory is broken")
        # One slice first: a count of billions is refused before a list is made of it.
        self.reader.slice(entry.values_at, entry.size * entry.count)
        places = range(entry.count)
        return [self.reader.number(entry.values_at + i * entry.size, entry.size) for i in places]

    def number(self, tag: int, default: int) -> int:
        values = self.numbers(tag)
        return values[0] if values else default


def exif_orientation(exif: bytes) -> int:
    """The orientation that EXIF data states, 1-8; broken or missing data is 1, never an error."""
    try:
        orientation = _Directory(exif).number(_ORIENTATION, 1)
    except ImageCorrupt:
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def read_tiff(data: bytes) -> Header:
    """The first page; raises ImageCorrupt where its directory or its pixels lie past the end."""
    directory = _Directory(data)
    _check_entries(directory)
    for offsets, sizes in _OFFSETS_AND_SIZES:
        for offset, size in zip(directory.numbers(offsets), directory.numbers(sizes), strict=False):
            directory.reader.slice(offset, size)
    width, height = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    return Header(width, height, exif_orientation(data), _with_known_tags(data, directory))


def _check_entries(directory: _Directory) -> None:
    for tag, entry in directory.entries.items():
        if tag in _SINGLE and entry.count != 1:
            raise ImageCorrupt("the photo's directory is broken")
        if tag in _SINGLE or tag in _MANY:
            directory.reader.slice(entry.values_at, entry.size * entry.count)


def _with_known_tags(data: bytes, directory: _Directory) -> bytes:
    """The same file with a new directory at its end; what the entries point to stays in place."""
    # Without the orientation, which Pillow would apply while it decodes and we apply after.
    kept = (_SINGLE | _MANY) - {_ORIENTATION}
    known = [e for tag, e in sorted(directory.entries.items()) if tag in kept]
    order = ">" if directory.big_endian else "<"
    padding = b"\0" * (len(data) % 2)
    start = struct.pack(order + "I", len(data) + len(padding))
    table = struct.pack(order + "H", len(known)) + b"".join(e.raw for e in known) + b"\0" * 4
    return data[:4] + start + data[8:] + padding + table
