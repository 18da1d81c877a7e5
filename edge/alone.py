"""One agent on one folder: two would fight for the pin, the camera and the queue."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.settings_fields import ConfigError

_NAME = "agent.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raises ConfigError where another agent works in `folder`, and OSError; ends with us."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise ConfigError("another agent works in outbox.folder: end it first") from None
    try:
        yield
    finally:
        os.close(number)
