"""How much one key, or one address without a key, may ask; beyond it, 429 with Retry-After."""

import logging
import math
import time
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from core.access import Caller
from core.errors import RateLimited
from core.logs import describe
from core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

_OFF = "off"
_MEMORY = "memory://"
_NETWORK_BITS = 64
_log = logging.getLogger(__name__)


class Limits:
    """Counts requests by who sends them. Thread-safe."""

    def __init__(
        self,
        counter: "RateLimiter",
        of_key: Sequence["RateLimitItem"],
        of_address: Sequence["RateLimitItem"],
    ) -> None:
        self._counter, self._of_key, self._of_address = counter, of_key, of_address

    def count_key(self, caller: Caller) -> None:
        """One more request of this key; raises RateLimited."""
        self._count(self._of_key, "key", caller.id)

    def count_address(self, address: str | None) -> None:
        """One more request without a valid key from this address; raises RateLimited.

        Of IPv6 the network counts: each client has more addresses than could be told apart.
        """
        self._count(self._of_address, "address", _place_of(address or ""))

    def _count(self, limits: Sequence["RateLimitItem"], *who: str) -> None:
        for limit in limits:
            wait = self._wait(limit, *who)
            if wait is not None:
                raise RateLimited("too many requests; wait and send fewer", wait)

    def _wait(self, limit: "RateLimitItem", *who: str) -> int | None:
        """Seconds until the next request is taken; None where this one is."""
        try:
            if self._counter.hit(limit, *who):
                return None
            reset = self._counter.get_window_stats(limit, *who).reset_time
        except Exception as error:  # noqa: BLE001 - the library's storages raise what they like
            # Who is let in is decided by keys: a door opens also while nobody counts.
            _log.warning("a request is not counted [%s]", describe(error))
            return None
        return max(1, math.ceil(reset - time.time()))


def _place_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), _NETWORK_BITS), strict=False))


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings want; raises SettingsError."""
    # Half a second that a service without keys, which counts nobody, does not spend.
    from limits import parse_many  # noqa: PLC0415
    from limits.storage import storage_from_string  # noqa: PLC0415
    from limits.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415

    from api.limit_counts import CalmStorage  # noqa: PLC0415

    def parsed(text: str) -> Sequence["RateLimitItem"]:
        return () if text.strip().lower() == _OFF else parse_many(text)

    place = settings.rate_limit_storage
    try:
        storage = CalmStorage() if place == _MEMORY else storage_from_string(place)
        return Limits(
            SlidingWindowCounterRateLimiter(storage),
            parsed(settings.rate_limit),
            parsed(settings.rate_limit_address),
        )
    except Exception:  # noqa: BLE001 - the library's storages raise what they like
        raise SettingsError(
            "KENAL_RATE_LIMIT and KENAL_RATE_LIMIT_ADDRESS are like 600/minute, or off; "
            "KENAL_RATE_LIMIT_STORAGE is memory:// or an address that the library limits takes"
        ) from None
