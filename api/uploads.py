"""Photos in a request: in a form, as the body, or as base64 in JSON. File names are not read."""

import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask import Request

from api.bodies import FORM_TYPE, JSON_TYPE, read_body, read_json
from api.options import Options
from core.errors import EmptyFile, InvalidParameter, MissingFile, TooLarge, UnsupportedMediaType
from core.settings import Settings

FILE_FIELDS = ("photo", "file", "image")
_JSON_FIELD = "photo"
_TWO_FIELDS = ("photo", "reference")
_RAW_TYPE = "application/octet-stream"
_ENVELOPE_BYTES = 64_000
# What a browser's FileReader gives; nothing else of the data: scheme is taken.
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,64};base64,")
_HOW_TWO = "send two photos as files in the form fields `photo` and `reference`, or as JSON"
_HOW = "send the photo as a file in the form field `photo`, as an image/* body, or as JSON"


@dataclass(frozen=True, slots=True)
class Upload:
    photo: bytes
    options: Options


@dataclass(frozen=True, slots=True)
class TwoPhotos:
    photo: bytes
    reference: bytes


def largest_body(settings: Settings) -> int:
    """The most bytes any request may have: a photo of the greatest size in base64."""
    return -(-settings.max_upload_bytes // 3) * 4 + _ENVELOPE_BYTES


def read_upload(request: Request, settings: Settings, allowed: Collection[str]) -> Upload:
    """The photo and the options among `allowed`, from body and query together.

    Raises MissingFile, EmptyFile, TooLarge, UnsupportedMediaType, BadJson, InvalidParameter.
    """
    options = Options.of_query(request, allowed)
    photo = _photo(request, settings, options)
    _check_size(photo, settings, {})
    return Upload(photo, options)


def read_two(request: Request, settings: Settings) -> TwoPhotos:
    """The fields `photo` and `reference` of a form or of JSON, and nothing else.

    Raises as `read_upload`; `details.photo` says which of the two is meant.
    """
    Options.of_query(request, ())
    kind = request.mimetype
    if kind == FORM_TYPE:
        request.max_content_length = 2 * settings.max_upload_bytes + _ENVELOPE_BYTES
        found = _two_from_form(request)
    elif kind == JSON_TYPE:
        found = _two_from_json(read_json(request, 2 * largest_body(settings)))
    else:
        raise UnsupportedMediaType(_HOW_TWO)
    for name in _TWO_FIELDS:
        if name not in found:
            raise MissingFile(f"there is no photo in the field {name}", {"photo": name})
        _check_size(found[name], settings, {"photo": name})
    return TwoPhotos(found["photo"], found["reference"])


def _check_size(photo: bytes, settings: Settings, which: Mapping[str, object]) -> None:
    if not photo:
        raise EmptyFile("the photo is empty", which)
    if len(photo) > settings.max_upload_bytes:
        raise TooLarge(
            "the photo is larger than allowed", {"max_bytes": settings.max_upload_bytes, **which}
        )


def _two_from_form(request: Request) -> dict[str, bytes]:
    for name in request.form:
        if name in _TWO_FIELDS:
            raise MissingFile(f"{name} is a text, not a file", {"photo": name})
        raise InvalidParameter("the form has the files photo and reference only")
    files = list(request.files.items(multi=True))
    if len(files) > len(_TWO_FIELDS) or any(name not in _TWO_FIELDS for name, _ in files):
        raise InvalidParameter("the form has the files photo and reference only, once each")
    return {name: file.read() for name, file in files}


def _two_from_json(body: dict[str, object]) -> dict[str, bytes]:
    if any(name not in _TWO_FIELDS for name in body):
        raise InvalidParameter("the JSON has the fields photo and reference only")
    return {name: _decoded(text, name, {"photo": name}) for name, text in body.items()}


def _photo(request: Request, settings: Settings, options: Options) -> bytes:
    kind = request.mimetype
    if kind == FORM_TYPE:
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
    return _decoded(text, _JSON_FIELD, {})


def _decoded(text: object, name: str, which: Mapping[str, object]) -> bytes:
    not_base64 = InvalidParameter(f"{name} must be text in base64", {"parameter": name, **which})
    if not isinstance(text, str):
        raise not_base64
    prefix = _DATA_URL.match(text)
    try:
        # Strict: what is not base64 is not silently skipped.
        return binascii.a2b_base64(text[prefix.end() if prefix else 0 :], strict_mode=True)
    except ValueError:
        raise not_base64 from None
