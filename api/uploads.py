"""A photo in a request: in a form, as the body, or as base64 in JSON. Its file name is not read."""

import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass

from flask import Request

from api.bodies import JSON_TYPE, read_body, read_json
from api.options import Options
from core.errors import EmptyFile, InvalidParameter, MissingFile, TooLarge, UnsupportedMediaType
from core.settings import Settings

FILE_FIELDS = ("photo", "file", "image")
_JSON_FIELD = "photo"
_FORM_TYPE = "multipart/form-data"
_RAW_TYPE = "application/octet-stream"
_ENVELOPE_BYTES = 64_000
# What a browser's FileReader gives; nothing else of the data: scheme is taken.
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,64};base64,")
_HOW = "send the photo as a file in the form field `photo`, as an image/* body, or as JSON"


@dataclass(frozen=True, slots=True)
class Upload:
    photo: bytes
    options: Options


def largest_body(settings: Settings) -> int:
    """The most bytes any request may have: a photo of the greatest size in base64."""
    return -(-settings.max_upload_bytes // 3) * 4 + _ENVELOPE_BYTES


def read_upload(request: Request, settings: Settings, allowed: Collection[str]) -> Upload:
    """The photo and the options among `allowed`, from body and query together.

    Raises MissingFile, EmptyFile, TooLarge, UnsupportedMediaType, BadJson, InvalidParameter.
    """
    options = Options.of_query(request, allowed)
    photo = _photo(request, settings, options)
    if not photo:
        raise EmptyFile("the photo is empty")
    if len(photo) > settings.max_upload_bytes:
        raise TooLarge("the photo is larger than allowed", {"max_bytes": settings.max_upload_bytes})
    return Upload(photo, options)


def _photo(request: Request, settings: Settings, options: Options) -> bytes:
    kind = request.mimetype
    if kind == _FORM_TYPE:
        request.max_content_length = settings.max_upload_bytes + _ENVELOPE_BYTES
        return _from_form(request, options)
    if kind == JSON_TYPE:
        return _from_json(read_json(request, largest_body(settings)), options)
    if kind.startswith("image/") or kind == _RAW_TYPE:
        return read_body(request, settings.max_upload_bytes)
    if not kind and not request.content_length and "Transfer-Encoding" not in request.headers:
        raise MissingFile(f"there is no photo in the request; {_HOW}")
    raise UnsupportedMediaType(_HOW)


def _from_form(request: Request, options: Options) -> bytes:
    for name, value in request.form.items(multi=True):
        if name in FILE_FIELDS:
            raise MissingFile(f"{name} is a text, not a file; curl: -F {name}=@photo.jpg")
        options.add(name, value)
    files = [(n, f) for n, f in request.files.items(multi=True) if n in FILE_FIELDS]
    if not files:
        raise MissingFile(f"no file in the form field {' or '.join(FILE_FIELDS)}")
    if len(list(request.files.items(multi=True))) > 1:
        raise InvalidParameter("send one file a request")
    _, file = files[0]
    data: bytes = file.read()
    if not data and not file.filename:
        raise MissingFile("no file was chosen")
    return data


def _from_json(body: dict[str, object], options: Options) -> bytes:
    text = body.pop(_JSON_FIELD, None)
    for name, value in body.items():
        options.add(name, value)
    if text is None:
        raise MissingFile(f"no photo in the JSON field {_JSON_FIELD}")
    if not isinstance(text, str):
        raise _not_base64()
    prefix = _DATA_URL.match(text)
    try:
        # Strict: what is not base64 is not silently skipped.
        return binascii.a2b_base64(text[prefix.end() if prefix else 0 :], strict_mode=True)
    except ValueError:
        raise _not_base64() from None


def _not_base64() -> InvalidParameter:
    return InvalidParameter(f"{_JSON_FIELD} is base64 text", {"parameter": _JSON_FIELD})
