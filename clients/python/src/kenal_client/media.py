"""Photos as callers hold them: bytes, a path, or an open file."""

from __future__ import annotations

import os
from typing import IO, Union

PhotoSource = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]", IO[bytes]]
"""The bytes of a photo, the path of its file, or the file itself, open for reading bytes."""


def read_photo(source: PhotoSource) -> bytes:
    """The photo's bytes, read once; raises OSError, and TypeError for a file of text."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read()
    data = source.read()
    if not isinstance(data, bytes):
        raise TypeError("open the photo's file with mode 'rb'")
    return data
