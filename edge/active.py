"""Whether an admin lets this device open, as last heard; a restart does not forget a no."""

import logging
import os
import threading
from pathlib import Path

log = logging.getLogger("edge.active")
_NAME = "switched-off"


class Active:
    """A file that is there while the device is switched off; thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder cannot be made or looked at."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place, self._lock = folder / _NAME, threading.Lock()
        self._is_active, self._is_kept = not self._place.exists(), True

    def heard(self, is_active: bool) -> None:
        """The server said so. What the disk does not take is tried again when it says it again."""
        with self._lock:
            if is_active == self._is_active and self._is_kept:
                return
            self._is_active = is_active
            try:
                self._keep(is_active)
            except OSError as error:
                self._is_kept = False
                log.error("a restart would forget what the server said: %s", error.strerror)
            else:
                self._is_kept = True

    def _keep(self, is_active: bool) -> None:
        if is_active:
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
            return self._is_active
