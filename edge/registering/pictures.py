"""Photos of strangers' folders: read whole or not at all, never through a link."""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edge.types import Pixels

MAX_BYTES = 20_000_000
MAX_PIXELS = 64_000_000
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
# The markers that begin a picture: SOF0 to SOF15 but for DHT, JPG and DAC.
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureError(Exception):
    """Why a file is not taken, in words; never a path."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A file's bytes and what they are called by."""

    data: bytes = field(repr=False)
    sha256: str


def read_photo(path: Path) -> Photo:
    """The file, up to `MAX_BYTES`; raises PictureError for links, devices and what is too large."""
    try:
        # Without waiting: a pipe in the folder must not stop the others.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        word = "a link is not followed" if path.is_symlink() else f"not read: {error.strerror}"
        raise PictureError(word) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise PictureError("not a file")
    with os.fdopen(handle, "rb") as file:
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise PictureError(f"not read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise PictureError(f"more than {MAX_BYTES // 1_000_000} MB")
    return Photo(data, hashlib.sha256(data).hexdigest())


def decoded(photo: Photo) -> Pixels:
    """The upright picture, BGR; raises PictureError."""
    width, height = size_of(photo.data)
    if width * height > MAX_PIXELS:
        raise PictureError(f"more than {MAX_PIXELS // 1_000_000} megapixels")
    try:
        image = cv2.imdecode(np.frombuffer(photo.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise PictureError("broken")
    return image.astype(np.uint8, copy=False)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height as the file says, before it is decoded; raises PictureError."""
    if data.startswith(_PNG):
        if data[12:16] != b"IHDR" or b"IEND" not in data[-64:]:
            raise PictureError("broken")
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(_JPEG):
        return _jpeg_size(data)
    raise PictureError("neither JPEG nor PNG")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _SIZES:
            # A picture that breaks off would be decoded half gray.
            if data.find(_JPEG_END, at) < 0:
                break
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise PictureError("broken")
