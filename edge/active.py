"""Whether an admin lets this device open, as last heard; a restart does not forget a no."""

import threading
from pathlib import Path

_NAME = "switched-off"


class Active:
    """A file that is there while the device is switched off; thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder cannot be made."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place, self._lock = folder / _NAME, threading.Lock()
        self._is_active = not self._place.exists()

    def heard(self, is_active: bool) -> None:
        """The server said so."""
        with self._lock:
            if is_active == self._is_active:
                return
            self._is_active = is_active
            try:
                if is_active:
                    self._place.unlink(missing_ok=True)
                else:
                    self._place.touch(mode=0o600)
            except OSError:
                # On a full or broken disk it holds until the restart; the server says it again.
                return

    def __bool__(self) -> bool:
        with self._lock:
            return self._is_active
