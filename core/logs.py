"""Logging for every process: one line a record, no traceback, no control characters."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime


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
        fields = {"at": at, "level": record.levelname, "logger": record.name, "message": message}
        if self._as_json:
            return json.dumps(fields)
        text = f"{at} {record.levelname:<7} {record.name}: {message}"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def describe(error: BaseException) -> str:
    """An exception's type and where it was raised, as `Type at file.py:12 in function`."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    name = last.filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__} at {name}:{last.lineno} in {last.name}"
