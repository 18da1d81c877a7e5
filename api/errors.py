"""Every error as one JSON shape, and the one table that gives a code its HTTP status."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from api import request_ids
from api.contract import compreface_errors
from core.errors import KenalError
from core.logs import describe

_log = logging.getLogger(__name__)
INTERNAL = "internal"

STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "missing_file": 400,
        "empty_file": 400,
        "bad_json": 400,
        "invalid_parameter": 400,
        "invalid_name": 400,
        "unauthorized": 401,
        "forbidden": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "conflict": 409,
        "idempotency_conflict": 409,
        "face_conflict": 409,
        "network_not_served": 409,
        "vanished": 409,
        "too_large": 413,
        "image_too_large": 413,
        "unsupported_media_type": 415,
        "unsupported_image": 415,
        "image_corrupt": 422,
        "no_face": 422,
        "multiple_faces": 422,
        "face_too_small": 422,
        "low_quality": 422,
        "spoof_suspected": 422,
        "not_fresh": 422,
        "not_regular_file": 422,
        "rate_limited": 429,
        INTERNAL: 500,
        "model_error": 500,
        "busy": 503,
        "not_ready": 503,
        "model_unavailable": 503,
        "unreadable": 503,
        "storage_full": 507,
    }
)
RETRY_AFTER_SECONDS: Mapping[str, int] = MappingProxyType(
    {"busy": 1, "not_ready": 2, "rate_limited": 1}
)
# What Flask and werkzeug refuse by themselves, in our words.
_HTTP_CODES: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        404: ("not_found", "there is nothing at this address"),
        405: ("method_not_allowed", "this address does not take this method"),
        413: ("too_large", "the request is larger than allowed"),
        415: ("unsupported_media_type", "this content type is not taken here"),
    }
)


def register(app: Flask) -> None:
    app.register_error_handler(KenalError, _of_kenal)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_bug)


def error_body(code: str, message: str, details: Mapping[str, object]) -> dict[str, object]:
    """The one shape of every error."""
    error = {"code": code, "message": message, "details": dict(details)}
    return {"error": error, "request_id": request_ids.current()}


def _of_kenal(error: KenalError) -> Response:
    status = STATUSES.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s: %s [%s]", request_ids.current(), error.code, describe(error))
    response = _response(error.code, error.message, error.details, status)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _of_http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _of_bug(error)
    text = error.description or "the request cannot be understood"
    code, message = _HTTP_CODES.get(status, ("invalid_parameter", text))
    response = _response(code, message, {}, STATUSES[code])
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _of_bug(error: Exception) -> Response:
    _log.error("%s: internal error [%s]", request_ids.current(), describe(error))
    return _response(INTERNAL, "an internal error; it was logged under the request_id", {}, 500)


def _response(code: str, message: str, details: Mapping[str, object], status: int) -> Response:
    # Counted and logged by the code that is ours, in whatever shape it is said.
    g.refused = code
    if request.path.startswith(compreface_errors.PREFIX):
        response = jsonify(compreface_errors.refusal(code, message, details))
        status = compreface_errors.said_of(code).status or status
    else:
        response = jsonify(error_body(code, message, details))
    response.status_code = status
    if code in RETRY_AFTER_SECONDS:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS[code])
    return response
