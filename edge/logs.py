"""One JSON object a line on stderr; systemd keeps it."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import cv2

_SILENT = 0


class JsonLines(logging.Formatter):
    """Level, time, where, what; never a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(line, ensure_ascii=False)


def silence_opencv() -> None:
    """Its warnings would show the addresses of cameras, with their passwords."""
    where: Any = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2  # of 5 and of 4
    where.setLogLevel(_SILENT)


def start_logging() -> None:
    """Our own loggers only: httpx's would show addresses."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    own = logging.getLogger("edge")
    own.handlers, own.propagate = [handler], False
    own.setLevel(logging.INFO)
