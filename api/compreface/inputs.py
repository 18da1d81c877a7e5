"""What requests of CompreFace's clients say: options in query or form, photos, JSON."""

import binascii
import re
from typing import TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError

from api.bodies import FORM_TYPE, JSON_TYPE, read_body, read_json
from api.contract.compreface_errors import NO_PARAMETER, NUMBER
from api.uploads import largest_body
from core.errors import (
    BadJson,
    EmptyFile,
    InvalidName,
    InvalidParameter,
    MissingFile,
    TooLarge,
    UnsupportedMediaType,
)
from core.names import normalize_user_id
from core.settings import Settings

Model = TypeVar("Model", bound=BaseModel)
_ENVELOPE_BYTES = 64_000
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,64};base64,")
_MAX_IDS_BYTES = 128_000


def options_of(request: Request, model: type[Model]) -> Model:
    """The options as `model`, from the query and, after it, the form; an empty one is absent.

    Read the photo first: it limits the form. Raises InvalidParameter.
    """
    if "subject" in model.model_fields:
        _check_whole(request, model)
    given = {**request.form, **request.args} if request.mimetype == FORM_TYPE else request.args
    # Empty means absent, as it does there; but nobody's name is nobody's, never everybody's.
    said = {name: value for name, value in given.items() if value or name == "subject"}
    return _checked(model, said)


def photos_of(request: Request, settings: Settings, *fields: str) -> list[bytes]:
    """The photos in these fields, in their order, from a form or from JSON in base64.

    Raises MissingFile, EmptyFile, TooLarge, UnsupportedMediaType, BadJson, InvalidParameter.
    """
    if request.mimetype == FORM_TYPE:
        request.max_content_length = len(fields) * settings.max_upload_bytes + _ENVELOPE_BYTES
        found = {name: file.read() for name, file in request.files.items()}
    elif request.mimetype == JSON_TYPE:
        body = read_json(request, len(fields) * largest_body(settings))
        found = {name: _decoded(body[name], name) for name in fields if name in body}
    elif len(fields) == 1 and request.mimetype.startswith("image/"):
        found = {fields[0]: read_body(request, settings.max_upload_bytes)}
    else:
        raise UnsupportedMediaType("send a form (multipart/form-data), or JSON with base64")
    return [_photo(found, name, settings) for name in fields]


def body_of(request: Request, model: type[Model]) -> Model:
    """The JSON object in the body as `model`; raises as `read_json`, InvalidParameter."""
    return _checked(model, read_json(request))


def list_of(request: Request, model: type[Model]) -> Model:
    """The JSON list in the body as `model`; raises BadJson, TooLarge, UnsupportedMediaType."""
    if request.mimetype != JSON_TYPE:
        raise UnsupportedMediaType(f"send {JSON_TYPE}")
    try:
        return model.model_validate_json(read_body(request, _MAX_IDS_BYTES))
    except ValidationError:
        raise BadJson("the body is a JSON list of image ids") from None


def subject_of(text: str) -> str:
    """A subject's name as a user_id; raises InvalidName."""
    if not text.strip():
        raise InvalidParameter("Subject name cannot be empty", {"parameter": "subject"})
    try:
        return normalize_user_id(text)
    except InvalidName as error:
        raise InvalidName(f"this subject's name cannot be kept here: {error.message}") from None


def _check_whole(request: Request, model: type[BaseModel]) -> None:
    """Raises InvalidParameter where a name was cut: clients do not escape the & in `R&D`."""
    if any(not value and name not in model.model_fields for name, value in request.args.items()):
        raise InvalidParameter("an option without a value: write & in a name as %26")


def _photo(found: dict[str, bytes], name: str, settings: Settings) -> bytes:
    if name not in found:
        raise MissingFile(f"Required part {name} is missing")
    if not found[name]:
        raise EmptyFile(f"Field {name} cannot be empty")
    if len(found[name]) > settings.max_upload_bytes:
        raise TooLarge(f"{name} is larger than {settings.max_upload_bytes} bytes")
    return found[name]


def _decoded(text: object, name: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidParameter(f"{name} must be text in base64", {"parameter": name})
    prefix = _DATA_URL.match(text)
    try:
        return binascii.a2b_base64(text[prefix.end() if prefix else 0 :], strict_mode=True)
    except (ValueError, binascii.Error):
        raise InvalidParameter(f"{name} must be text in base64", {"parameter": name}) from None


def _checked(model: type[Model], given: object) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # Never the given value, nor a stranger's own name for it.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "body"
    if first["type"] == "missing":
        raise InvalidParameter(f"Required parameter {name} is missing", {NUMBER: NO_PARAMETER})
    raise InvalidParameter(f"{name}: {first['msg'].removeprefix('Value error, ')}")
