"""Logging for every process: one line a record, no traceback, no control characters."""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

Fields = Mapping[str, str | int | float]
_FIELDS = "kenal_fields"
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def configure_logging(level: str, as_json: bool) -> None:
    """Send records to standard error, as text or one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(as_json))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Chatty libraries name files and addresses below WARNING.
    for name in (
        "watchdog",
        "PIL",
        "pyftpdlib",
        "httpx",
        "httpcore",
        "alembic",
        "tensorflow",
        "absl",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


def name_request(request_id: str | None) -> None:
    """What this thread logs from now on belongs to this request; None: to no request."""
    _request_id.set(request_id)


def log_fields(logger: logging.Logger, level: int, message: str, fields: Fields) -> None:
    """Log a record with values of its own: keys of the JSON object, `name=value` in a text."""
    logger.log(level, message, extra={_FIELDS: fields})


class LineFormatter(logging.Formatter):
    """A record as one line; an exception as its type and place in our code, never its text.

    A traceback holds paths of the server, an exception's text may hold anything.
    """

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message += f" [{describe(record.exc_info[1])}]"
        own = _fields_of(record)
        if self._as_json:
            said = {"at": at, "level": record.levelname, "logger": record.name, "message": message}
            return json.dumps({**own, **said})
        values = "".join(f" {name}={_quoted(value)}" for name, value in own.items())
        text = f"{at} {record.levelname:<7} {record.name}: {message}{values}"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _fields_of(record: logging.LogRecord) -> Fields:
    """The record's own values, and the request it belongs to.

    Asked for where the line is written, which is the thread that logged it.
    """
    own: Fields = getattr(record, _FIELDS, {})
    request_id = _request_id.get()
    return own if request_id is None else {**own, "request_id": request_id}


def _quoted(value: str | int | float) -> str:
    """A value that ends where it seems to end."""
    text = str(value)
    plain = text and not any(c.isspace() or c in '"=' for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def describe(error: BaseException) -> str:
    """An exception's type and where it was raised, as `Type at file.py:12 in function`."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    name = last.filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__} at {name}:{last.lineno} in {last.name}"
