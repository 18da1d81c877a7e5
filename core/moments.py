"""Moments as others write them: RFC 3339, always with a zone."""

import re
from datetime import UTC, datetime

_FORM = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
HOW = "a moment is like 2026-01-05T08:00:00Z or 2026-01-05T08:00:00.250+08:00"


def parse_moment(text: str) -> datetime:
    """The moment in UTC; raises ValueError, also for a moment without a zone."""
    if not _FORM.fullmatch(text):
        raise ValueError(HOW)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(HOW) from None
