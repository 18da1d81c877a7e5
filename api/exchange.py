"""A request and its answer as they are counted and logged: no path, no query, no content."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, g, request

from api import request_ids
from api.errors import INTERNAL, STATUSES
from core.access import Caller
from core.logs import name_request

_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exchange:
    """`rule` is the address with the names of what stands in it, like `/users/{user_id}`.

    `bytes_in` is what was read of the body, `code` that of the error, where it was one.
    """

    method: str
    rule: str
    status: int
    seconds: float
    bytes_in: int
    code: str | None
    caller: Caller | None
    response: Response


def register(app: Flask, *hear: Callable[[Exchange], None]) -> None:
    """Tell of every exchange. Right after its name: it begins before all else, and ends last."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        name_request(request_ids.current())

    @app.after_request
    def end(response: Response) -> Response:
        found = _exchange(response)
        for listener in hear:
            listener(found)
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        del error
        name_request(None)


def _exchange(response: Response) -> Exchange:
    rule = request.url_rule
    return Exchange(
        # What nobody serves may be anything: it must not become a name of ours.
        method=request.method if request.method in _METHODS else UNKNOWN,
        rule=str(rule).replace("<", "{").replace(">", "}") if rule else UNKNOWN,
        status=response.status_code,
        seconds=time.perf_counter() - g.began,
        bytes_in=_bytes_read(),
        code=_code(response),
        caller=g.get("caller"),
        response=response,
    )


def _bytes_read() -> int:
    # Only where the view read it: asking for the stream here would begin to read.
    stream = request.__dict__.get("stream")
    try:
        return int(stream.tell()) if stream is not None else 0
    except (OSError, ValueError):
        return 0


def _code(response: Response) -> str | None:
    """The code of an error: as it was refused, or as an answer that is repeated tells it."""
    if response.status_code < 400:
        return None
    code = g.get("refused") or _told(response)
    return code if isinstance(code, str) and (code in STATUSES or code == INTERNAL) else None


def _told(response: Response) -> object:
    body = response.get_json(silent=True) if response.is_json else None
    error = body.get("error") if isinstance(body, dict) else None
    return error.get("code") if isinstance(error, dict) else None
