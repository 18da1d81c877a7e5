"""Builds one segment: a program of its own, started by index.job only.

Says on standard output how far it is, and last the checksum of the segment. It ends when its
parent does: standard input is then closed.
"""

import os
import sys
import threading
import time
from pathlib import Path

from core.errors import StorageFull
from index.job import DONE, FAILED, FULL, PROGRESS, STARTED, load
from index.sources import Merged
from index.writer import write

_NICE = 15
_SAY_EVERY_SECONDS = 0.2


class _Speaker:
    """Says progress a few times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + _SAY_EVERY_SECONDS
            _say(f"{PROGRESS} {stage} {done} {total}")


def main(directory: Path) -> None:
    """Build what the job in `directory` asks for."""
    # Searches come first: what is built is not waited for.
    os.nice(_NICE)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    _say(STARTED)
    try:
        recipe, sources = load(directory)
        sha256 = write(directory, recipe, Merged.of(sources), _Speaker())
    except StorageFull:
        _say(FULL)
        return
    except Exception as error:
        # Its kind only: texts of errors name paths.
        _say(f"{FAILED} {type(error).__name__}")
        raise
    _say(f"{DONE} {sha256}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    # Not sys.stdin: its lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)
