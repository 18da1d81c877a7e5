"""Tells systemd how the agent is, by its socket; without systemd it tells nobody."""

import contextlib
import socket
import time
from collections.abc import Callable


class Notifier:
    """`alive` is for fresh frames only: without them systemd restarts the agent."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`address` is NOTIFY_SOCKET; empty: there is nobody to tell."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock, self._told_at = clock, float("-inf")

    def ready(self) -> None:
        self._tell(b"READY=1")

    def stopping(self) -> None:
        self._tell(b"STOPPING=1")

    def alive(self) -> None:
        """At most once a second, so that it may be called for every frame."""
        if self._clock() - self._told_at >= 1.0:
            self._told_at = self._clock()
            self._tell(b"WATCHDOG=1")

    def _tell(self, word: bytes) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.settimeout(1.0)
            own.sendto(word, self._address)
