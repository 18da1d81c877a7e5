"""How much one key, or one address without a key, may ask; beyond it, 429 with Retry-After."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.access import Caller
from core.errors import RateLimited
from core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

_OFF = "off"


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
        """One more request without a valid key from this address; raises RateLimited."""
        self._count(self._of_address, "address", address or "")

    def _count(self, limits: Sequence["RateLimitItem"], *who: str) -> None:
        for limit in limits:
            if not self._counter.hit(limit, *who):
                reset = self._counter.get_window_stats(limit, *who).reset_time
                wait = max(1, math.ceil(reset - time.time()))
                raise RateLimited("too many requests; wait and send fewer", wait)


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings want; raises SettingsError."""
    # Half a second that a service without keys, which counts nobody, does not spend.
    from limits import parse_many  # noqa: PLC0415
    from limits.storage import storage_from_string  # noqa: PLC0415
    from limits.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415

    def parsed(text: str) -> Sequence["RateLimitItem"]:
        return () if text.strip().lower() == _OFF else parse_many(text)

    try:
        return Limits(
            SlidingWindowCounterRateLimiter(storage_from_string(settings.rate_limit_storage)),
            parsed(settings.rate_limit),
            parsed(settings.rate_limit_address),
        )
    except Exception:  # noqa: BLE001 - the library's storages raise what they like
        raise SettingsError(
            "KENAL_RATE_LIMIT and KENAL_RATE_LIMIT_ADDRESS are like 600/minute, or off; "
            "KENAL_RATE_LIMIT_STORAGE is memory:// or an address that the library limits takes"
        ) from None
