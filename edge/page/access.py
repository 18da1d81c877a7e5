"""Who may look: the password, and no other site's page in the same browser; pure decisions.

A guess costs its address a second once there were some: the right password is then slow at worst,
never refused for good.
"""

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from edge.sections import LOOPBACK

_FREE_FAILURES = 5
_MOST_SECONDS = 2.0
_MOST_WAITING = 2
_MOST_ADDRESSES = 1000


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names this machine: any other name was made to point here."""
    return _name_of(host) in LOOPBACK


def is_same_origin(host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether our own page asks; browsers send Origin with every POST. The scheme is left out:
    a proxy before us may speak TLS."""
    if fetch_site not in (None, "same-origin") or not origin or not host:
        return False
    try:
        told = urlsplit(origin)
    except ValueError:
        return False
    return told.scheme in ("http", "https") and told.netloc.lower() == host.lower()


def is_password(given: str, right: str) -> bool:
    """Takes the same time whatever is wrong."""
    pair = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (given, right)]
    return hmac.compare_digest(*pair)


def _name_of(host: str) -> str | None:
    try:
        told = urlsplit(f"//{host}")
        _ = told.port  # raises where it is no number
    except ValueError:
        return None
    return None if told.username is not None or told.path else told.hostname


class Guesses:
    """How long an address has to wait before its next password is looked at; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._debts: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, when
        self._waiting = 0

    def wait(self, address: str, sleep: Callable[[float], object]) -> bool:
        """Sleeps as long as this address must; False: too many wait already, try again."""
        with self._lock:
            seconds = min(max(0.0, self._debt(address) - _FREE_FAILURES + 1), _MOST_SECONDS)
            if not seconds:
                return True
            if self._waiting >= _MOST_WAITING:
                return False
            self._waiting += 1
        try:
            sleep(seconds)
        finally:
            with self._lock:
                self._waiting -= 1
        return True

    def failed(self, address: str) -> None:
        """A wrong password came."""
        with self._lock:
            debt = min(self._debt(address) + 1, _FREE_FAILURES + _MOST_SECONDS)
            self._debts[address] = debt, self._clock()
            self._debts.move_to_end(address)
            while len(self._debts) > _MOST_ADDRESSES:
                self._debts.popitem(last=False)

    def _debt(self, address: str) -> float:
        debt, since = self._debts.get(address, (0.0, 0.0))
        return max(0.0, debt - (self._clock() - since))
