"""One JSON object a line on stderr; systemd keeps it."""

import json
import logging
import sys
from datetime import UTC, datetime

import cv2


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


def start_logging() -> None:
    """Our own loggers only: those of httpx and OpenCV would show addresses, of cameras too."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    own = logging.getLogger("edge")
    own.handlers, own.propagate = [handler], False
    own.setLevel(logging.INFO)
