"""What the server says against this device, as last heard; a restart does not forget a no."""

import hashlib
import logging
import math
import os
import threading
from pathlib import Path

from edge.sections import ServerSettings

KEY_REFUSED = (
    "nothing opens: the server refused server.key; make a fresh key of server.device_id there,"
    " set it here, and restart"
)
log = logging.getLogger("edge.active")


class Allowed:
    """A file that is there while the server says no; thread-safe. What is in it says nothing."""

    def __init__(self, place: Path, no: str) -> None:
        """`no` is logged while it holds. Raises OSError where the folder cannot be made or looked
        at."""
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place, self._no, self._lock = place, no, threading.Lock()
        self._is_allowed, self._is_kept = not place.exists(), True
        self._newest = -math.inf
        self._say()

    def heard(self, is_allowed: bool, asked_at: float = math.inf) -> None:
        """The server said so when it was asked at that monotonic time: what it said to a later
        question holds. What the disk does not take is tried again when it says it again."""
        with self._lock:
            if asked_at < self._newest:
                return
            if asked_at < math.inf:
                self._newest = asked_at
            if is_allowed == self._is_allowed and self._is_kept:
                return
            has_changed, self._is_allowed = is_allowed != self._is_allowed, is_allowed
            if has_changed:
                self._say()
            try:
                self._keep(is_allowed)
            except OSError as error:
                self._is_kept = False
                log.error("a restart would forget what the server said: %s", error.strerror)
            else:
                self._is_kept = True

    def _say(self) -> None:
        if not self._is_allowed:
            log.critical("%s", self._no)

    def _keep(self, is_allowed: bool) -> None:
        if is_allowed:
            self._place.unlink(missing_ok=True)
        else:
            self._place.touch(mode=0o600)
        handle = os.open(self._place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)  # a power cut shall not forget it either
        finally:
            os.close(handle)

    def __bool__(self) -> bool:
        with self._lock:
            return self._is_allowed


def active_in(folder: Path) -> Allowed:
    """Whether an admin lets this device open, by its heartbeats; raises OSError."""
    return Allowed(folder / "switched-off", "nothing opens: an admin switched this device off")


def key_in(folder: Path, server: ServerSettings) -> Allowed:
    """Whether the server accepts the key of the settings; raises OSError."""
    return Allowed(refusal_of(folder, server), KEY_REFUSED)


def refusal_of(folder: Path, server: ServerSettings) -> Path:
    """What is there while this very key is refused to this device: another key is another file."""
    # A key is 256 random bits: a part of its hash tells nothing of it.
    known = hashlib.sha256(f"{server.device_id}\n{server.key.text}".encode()).hexdigest()[:16]
    return folder / f"key-refused-{known}"
