"""Bodies read whole, never beyond their limit."""

from flask import Request
from pydantic import ValidationError

from core.errors import BadJson, InvalidParameter, TooLarge, UnsupportedMediaType
from pipeline.profiles import MAX_PROFILE_BYTES, Profile, first_problem, parse_json_object

JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
MAX_JSON_BYTES = 2 * MAX_PROFILE_BYTES
_MAX_PARTS = 1000


def read_body(request: Request, max_bytes: int) -> bytes:
    """The body; raises TooLarge from the header where there is one, else after `max_bytes`."""
    # One byte more: a body without a length is cut at the limit, not refused.
    request.max_content_length = max_bytes + 1
    if (request.content_length or 0) > max_bytes:
        raise TooLarge("the request is larger than allowed", {"max_bytes": max_bytes})
    data = request.get_data(cache=False)
    if len(data) > max_bytes:
        raise TooLarge("the request is larger than allowed", {"max_bytes": max_bytes})
    if request.content_length is not None and len(data) < request.content_length:
        raise InvalidParameter("the body is shorter than its Content-Length")
    return data


def read_json(request: Request, max_bytes: int = MAX_JSON_BYTES) -> dict[str, object]:
    """The body as a JSON object; raises UnsupportedMediaType, TooLarge, BadJson.

    Beyond MAX_JSON_BYTES it may be long only by its texts, not by the number of its values.
    """
    if request.mimetype != JSON_TYPE:
        raise UnsupportedMediaType(f"send {JSON_TYPE}")
    data = read_body(request, max_bytes)
    if len(data) > MAX_JSON_BYTES and _has_many_parts(data):
        raise BadJson("JSON of this size is one photo in base64 and a few options")
    return parse_json_object(data)


def checked_profile(values: dict[str, object]) -> dict[str, object]:
    """The given ones of name, email and attributes; null clears. Raises InvalidParameter."""
    if "attributes" in values and values["attributes"] is None:
        values = {**values, "attributes": {}}
    try:
        return Profile.model_validate(values).given()
    except ValidationError as error:
        name, message = first_problem(error)
        raise InvalidParameter(message, {"parameter": name} if name else {}) from None


def _has_many_parts(data: bytes) -> bool:
    """Whether parsing would make so many objects that they fill the memory; base64 has none."""
    return sum(data.count(mark) for mark in (b"[", b"{", b",")) > _MAX_PARTS
