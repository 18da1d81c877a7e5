"""Which errors an address can answer with, from what it takes."""

from collections.abc import Iterator

from api.contract.compreface_errors import CompreFaceError, numbers_of, said_of
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
    found: dict[int, dict[str, None]] = {}
    for code in _codes(said, has_path):
        status, names = _shown(said, code)
        found.setdefault(status, {}).update(dict.fromkeys(names))
    return {status: list(found[status]) for status in sorted(found)}


def _shown(said: Operation, code: str) -> tuple[int, list[str]]:
    """The status of our `code`, and what a refusal calls it."""
    if said.error_model is CompreFaceError:
        return said_of(code).status or STATUSES[code], numbers_of(code)
    return STATUSES[code], [code]


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
