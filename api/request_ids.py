"""A name for every request, in the header and the body of its answer and in the log."""

import re
import uuid

from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def register(app: Flask) -> None:
    """Name every request and put the name, and what every answer carries, into the headers."""
    app.before_request(_assign)
    app.after_request(_finish)


def current() -> str:
    """The name of the request being answered: the client's own where it is sane."""
    if "request_id" not in g:
        _assign()
    return str(g.request_id)


def _assign() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex


def _finish(response: Response) -> Response:
    response.headers[HEADER] = current()
    # People's data: no cache keeps it, no browser takes it for a page.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Nor does a page of another site that shows it as a picture learn whether it is there.
    response.headers["Cross-Origin-Resource-Policy"] = "same-site"
    return response
