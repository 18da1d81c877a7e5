"""How a refusal is said under /api/v1: in CompreFace's shape, with its number for what went wrong.

What goes wrong with the photo or the name has CompreFace's status; what goes wrong with the
request itself (key, size, method, pace) has the status of HTTP, which proxies and clients act on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import Field

from api.contract.base import Body

PREFIX = "/api/v1/"
NUMBER = "compreface_code"
"""In the details of an error: its number, where that says more than the code's own."""
NO_SUBJECT, NO_IMAGE, NO_PARAMETER = 42, 44, 33


class CompreFaceError(Body):
    message: str = Field(description="For people; may change.")
    code: int = Field(description="CompreFace's number for it; 0 where it has none.")


@dataclass(frozen=True, slots=True)
class Said:
    """`others` are numbers that an error of this code may have instead."""

    number: int = 0
    status: int | None = None
    message: str | None = None
    others: tuple[int, ...] = ()


_BAD = 400
# The words are those that clients of CompreFace are known to compare with.
_SAID: Mapping[str, Said] = MappingProxyType(
    {
        "no_face": Said(28, _BAD, "No face is found in the given image"),
        "face_too_small": Said(28, _BAD),
        "multiple_faces": Said(31, _BAD, "More than one face in the source image"),
        "low_quality": Said(0, _BAD),
        "spoof_suspected": Said(0, _BAD),
        "image_corrupt": Said(21, _BAD),
        "unsupported_image": Said(21, _BAD),
        "missing_file": Said(34),
        "empty_file": Said(5),
        "invalid_parameter": Said(26, others=(NO_PARAMETER,)),
        "invalid_name": Said(26),
        "conflict": Said(43, _BAD),
        "unauthorized": Said(10),
        "forbidden": Said(10),
        "not_found": Said(0, others=(NO_SUBJECT, NO_IMAGE)),
        "model_error": Said(41),
    }
)
_UNNUMBERED = Said()


def said_of(code: str) -> Said:
    """How CompreFace says our `code`."""
    return _SAID.get(code, _UNNUMBERED)


def numbers_of(code: str) -> list[str]:
    """The numbers that a refusal of our `code` can have, as texts."""
    said = said_of(code)
    return [str(number) for number in (said.number, *said.others)]


def refusal(code: str, message: str, details: Mapping[str, object]) -> dict[str, object]:
    """The body of a refusal."""
    said = said_of(code)
    return {"message": said.message or message, "code": details.get(NUMBER, said.number)}
