"""When a delivery is tried again, and when it is given up."""

import secrets
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

_PAUSES_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
"""After the first attempt, the second, and so on: eleven attempts in about a day."""
_JITTER = 0.2
_LONGEST_ASKED_SECONDS = 3600.0
MAX_ATTEMPTS = len(_PAUSES_SECONDS) + 1
MAX_AGE = timedelta(days=3)
KEPT = timedelta(days=30)


def pause(number: int) -> float:
    """Seconds from attempt `number` to the next, never the same for all that failed together."""
    least = _PAUSES_SECONDS[min(number, len(_PAUSES_SECONDS)) - 1]
    return least * (1 + secrets.SystemRandom().uniform(0, _JITTER))


def rest(failures: int) -> float:
    """Seconds for which a webhook is left alone after so many failures in a row."""
    return float(min(2 ** min(failures, 6), 60))


def asked_pause(retry_after: str | None, now: datetime) -> float:
    """The seconds a Retry-After header asks for, an hour at most; 0 where it says nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_ASKED_SECONDS)
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_ASKED_SECONDS)
