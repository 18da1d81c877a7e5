"""What a photo's own bytes say before anything is decoded: its kind, its size, which way is up.

Every reader here walks the file's structure without decoding pixels, so a bomb is refused in
microseconds and a file that was cut short is known to be cut. `clean` is the same picture without
what a decoder might trip over: metadata, profiles, previews, further frames.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.errors import ImageCorrupt, UnsupportedImage


class Kind(StrEnum):
    """The photo formats that are read."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIF = "heif"
    BMP = "bmp"
    TIFF = "tiff"
    GIF = "gif"


@dataclass(frozen=True, slots=True)
class Header:
    """The size in pixels as stored, the EXIF orientation (1-8, 1 is upright), the picture alone."""

    width: int
    height: int
    orientation: int
    clean: bytes

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ImageCorrupt("the photo's size is not a size")


HeaderReader = Callable[[bytes], Header]

_HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"])
_SIGNATURES = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
    (b"BM", Kind.BMP),
)


def sniff(data: bytes) -> Kind:
    """The kind by content, never by name; raises UnsupportedImage."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return Kind.HEIF
    raise UnsupportedImage(
        "this is no photo that can be read; send JPEG, PNG, WebP, HEIC, BMP, TIFF or GIF"
    )


class Reader:
    """Numbers at offsets of untrusted bytes; reading past the end is ImageCorrupt."""

    def __init__(self, data: bytes, big_endian: bool) -> None:
        self.data = data
        self._big_endian = big_endian

    def number(self, offset: int, size: int, signed: bool = False) -> int:
        order = "big" if self._big_endian else "little"
        return int.from_bytes(self.slice(offset, size), order, signed=signed)  # type: ignore[arg-type]

    def slice(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > len(self.data):
            raise truncated()
        return self.data[offset : offset + size]


MOST_PARTS = 10_000
"""Segments or chunks; the most that real photos hold are a few hundred beside their pixels."""


class Parts:
    """Counts what a file is made of: a walk through millions of empty parts takes many seconds."""

    def __init__(self, most: int = MOST_PARTS) -> None:
        self._left = most

    def one_more(self) -> None:
        """Raises ImageCorrupt for one too many."""
        self._left -= 1
        if self._left < 0:
            raise ImageCorrupt("the photo is made of too many parts")


def truncated() -> ImageCorrupt:
    return ImageCorrupt("the photo is incomplete: its end is missing")
