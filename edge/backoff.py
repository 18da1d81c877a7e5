"""How long to wait before sending again; pure."""

MAX_SECONDS = 60.0
"""The server is asked at least so often: it may be back."""
MAX_TOLD_SECONDS = 3600.0
_FIRST_SECONDS = 1.0


def delay(failures: int, chance: float, told: float | None = None) -> float:
    """Seconds after the `failures`th failure in a row; `chance` in [0, 1); `told` is Retry-After.

    Doors that lost one server together do not come back in one moment.
    """
    longest = min(_FIRST_SECONDS * 2.0 ** min(max(failures - 1, 0), 16), MAX_SECONDS)
    jittered = longest * (0.5 + chance / 2)
    if told is None:
        return jittered
    return min(told, MAX_TOLD_SECONDS) + chance * min(1.0 + told / 10, 10.0)


def told_seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After; a date, which a wrong clock misreads, is not heeded."""
    if header is None or not header.strip().isdecimal():
        return None
    return min(float(header.strip()[:9]), MAX_TOLD_SECONDS)
