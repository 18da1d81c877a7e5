"""HEIC/HEIF through pillow-heif, which is loaded by the first such photo and never registered."""

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from core.errors import ImageCorrupt


class _HeifImage(Protocol):
    size: tuple[int, int]
    mode: str

    def __array__(self) -> npt.NDArray[np.uint8]: ...


def heif_size(data: bytes) -> tuple[int, int]:
    """Width and height of the upright primary picture; decodes no pixels. Raises ImageCorrupt."""
    return _open(data).size


def decode_heif(data: bytes) -> tuple[str, npt.NDArray[np.uint8]]:
    """Pillow's name of the mode and the upright pixels, 8 bit a channel; raises ImageCorrupt."""
    image = _open(data)
    try:
        return image.mode, np.asarray(image)
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        raise ImageCorrupt("the photo cannot be decoded") from error


def _open(data: bytes) -> _HeifImage:
    import pillow_heif  # noqa: PLC0415 - a photo format that most installations never see

    try:
        return cast(_HeifImage, pillow_heif.open_heif(data, convert_hdr_to_8bit=True))
    except (OSError, ValueError, RuntimeError, EOFError, SyntaxError) as error:
        raise ImageCorrupt("the photo cannot be decoded") from error
