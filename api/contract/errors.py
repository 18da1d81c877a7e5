"""Which errors an address can answer with, from what it takes."""

from collections.abc import Iterator

from api.contract.operation import OPEN, Operation, Photo
from api.errors import STATUSES

_ALWAYS = ("invalid_parameter", "forbidden", "rate_limited", "internal", "busy", "not_ready")
_OF_BODY = ("bad_json", "too_large", "unsupported_media_type")
_OF_PHOTO = (
    *("missing_file", "empty_file", "image_too_large", "unsupported_image", "image_corrupt"),
    *("model_error", "model_unavailable"),
)


def codes_by_status(said: Operation, has_path: bool) -> dict[int, list[str]]:
    """Codes by their status, both in order; `has_path`: the address names a thing."""
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(_codes(said, has_path)):
        found.setdefault(STATUSES[code], []).append(code)
    return dict(sorted(found.items()))


def _codes(said: Operation, has_path: bool) -> Iterator[str]:
    yield from _ALWAYS
    if said.scopes != OPEN:
        yield "unauthorized"
    if has_path:
        yield from ("invalid_name", "not_found")
    if said.body is not None:
        yield from _OF_BODY
    if isinstance(said.body, Photo):
        yield from _OF_PHOTO
    if said.creates:
        yield "idempotency_conflict"
    yield from said.errors
