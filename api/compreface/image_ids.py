"""CompreFace's ids of images: UUIDs that are our numbers of photos, and back."""

import re

from api.contract.compreface_errors import NO_IMAGE, NUMBER
from core.errors import NotFound

# Version 8, whose other digits are ours to choose: clients check versions.
_START = "4b656e61-6c00-8000-8000-"
_ID = re.compile(_START + "([0-9a-f]{12})", re.IGNORECASE)


def image_id_of(photo_id: int) -> str:
    return f"{_START}{photo_id:012x}"


def photo_id_of(image_id: str) -> int:
    """The photo's number; raises NotFound for what is no id of ours."""
    found = _ID.fullmatch(image_id)
    if found is None:
        raise no_image()
    return int(found[1], 16)


def no_image() -> NotFound:
    return NotFound("Image not found", {NUMBER: NO_IMAGE})
