"""Bodies read whole, never beyond their limit."""

from flask import Request
from pydantic import ValidationError

from core.errors import InvalidParameter, TooLarge, UnsupportedMediaType
from pipeline.profiles import MAX_PROFILE_BYTES, Profile, parse_json_object

JSON_TYPE = "application/json"
MAX_JSON_BYTES = 2 * MAX_PROFILE_BYTES


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
    """The body as a JSON object; raises UnsupportedMediaType, TooLarge, BadJson."""
    if request.mimetype != JSON_TYPE:
        raise UnsupportedMediaType(f"send {JSON_TYPE}")
    return parse_json_object(read_body(request, max_bytes))


def checked_profile(values: dict[str, object]) -> dict[str, object]:
    """The given ones of name, email and attributes; null clears. Raises InvalidParameter."""
    if "attributes" in values and values["attributes"] is None:
        values = {**values, "attributes": {}}
    try:
        return Profile.model_validate(values).given()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "body"
        raise InvalidParameter(f"{name}: {first['msg']}", {"parameter": name}) from None
