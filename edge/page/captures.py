"""Registering somebody from the page: one at a time, in a thread of its own."""

import logging
import threading
import unicodedata
from dataclasses import dataclass

from edge.page.types import Capture, CaptureResult

LONGEST_NAME = 100
_JOINERS = "\u200c\u200d"
log = logging.getLogger("edge.page")


@dataclass(frozen=True, slots=True)
class Progress:
    """`state`: none, running, done or failed; `text`: what happens or how it ended."""

    state: str
    text: str


def name_of(given: object) -> str | None:
    """The name as it is registered; None where it is none."""
    if not isinstance(given, str):
        return None
    name = unicodedata.normalize("NFC", " ".join(given.split()))
    # Nothing that cannot be seen, or turns the text around; but Persian and Hindi need joiners.
    is_plain = all(
        sign in _JOINERS or not unicodedata.category(sign).startswith("C") for sign in name
    )
    return name if name and len(name) <= LONGEST_NAME and is_plain else None


class Captures:
    """The one capture that may run, and how the last one went; thread-safe."""

    def __init__(self, capture: Capture) -> None:
        self._capture, self._lock = capture, threading.Lock()
        self._progress = Progress("none", "")
        self._thread: threading.Thread | None = None

    def start(self, name: str) -> bool:
        """False: one is running already."""
        with self._lock:
            if self._progress.state == "running":
                return False
            self._progress = Progress("running", "It starts.")
            thread = threading.Thread(
                target=self._run, args=(name,), name="edge-page-capture", daemon=True
            )
            self._thread = thread
        thread.start()
        return True

    def progress(self) -> Progress:
        """Of the last one, or the one that runs."""
        with self._lock:
            return self._progress

    def join(self, seconds: float) -> None:
        """Waits for the one that runs, `seconds` at most."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _say(self, text: str) -> None:
        with self._lock:
            if self._progress.state == "running":
                self._progress = Progress("running", text)

    def _run(self, name: str) -> None:
        try:
            result = self._capture(name, self._say)
        except Exception as error:  # noqa: BLE001 - whatever failed, the page must say that it did
            log.error("a capture failed: %s", type(error).__name__)
            result = CaptureResult(False, "It failed; the log tells more.")
        with self._lock:
            self._progress = Progress("done" if result.ok else "failed", result.text)
