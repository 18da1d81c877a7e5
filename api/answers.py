"""JSON answers: every one names its request."""

from collections.abc import Mapping

from flask import Response, jsonify

from api import request_ids


def answer(body: Mapping[str, object], status: int = 200, location: str | None = None) -> Response:
    """`body` and the request's id as JSON; `location` is where a new thing can be read."""
    response = jsonify({"request_id": request_ids.current(), **body})
    response.status_code = status
    if location is not None:
        response.headers["Location"] = location
    return response


def no_content() -> Response:
    return Response(status=204)
