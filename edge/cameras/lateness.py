"""How old a picture was when it came: a line that stalls gives old pictures in a burst.

Pure. The camera's own time of a picture says how far apart two were taken, not when. What took
the least time on its way came at once; the others are late by what they took more.
"""

from dataclasses import dataclass

LATE_S = 1.0
_STUCK_S = 3.0
_SETTLED_S = 0.5
_FALL_S = 0.01
_LEAP_S = 10.0
_PATIENCE_S = 10.0
_DRIFT = 0.01
"""By how much the camera's clock may be off before pictures are taken for late ones."""


@dataclass(slots=True)
class _Line:
    began: float
    before_at: float
    before_now: float
    least: float
    fell_at: float  # when a picture last came faster than all before: a burst has not ended


class Lateness:
    """One camera since it was opened; told each picture."""

    def __init__(self) -> None:
        self._line: _Line | None = None
        self._late_since: float | None = None

    def restart(self) -> None:
        """The camera was opened anew."""
        self._line = self._late_since = None

    def see(self, at: float | None, now: float) -> float | None:
        """The seconds by which a picture of the camera's time `at` came late; None: not known yet.

        A camera without times (None) or with times that leap is believed to be in time.
        """
        if at is None:
            return 0.0
        line = self._line
        if line is None or not 0 < at - line.before_at < _LEAP_S:
            # Times that stand still tell nothing: nor does the first after a leap.
            self._line = _Line(now, at, now, now - at, now)
            return None if line is None else 0.0
        late = self._late(line, at, now)
        is_late = late is not None and late > LATE_S
        self._late_since = (self._late_since or now) if is_late else None
        return late

    def is_stuck(self, now: float) -> bool:
        """Whether all pictures have been late for long: it is better opened anew."""
        return self._late_since is not None and now - self._late_since >= _STUCK_S

    def _late(self, line: _Line, at: float, now: float) -> float | None:
        took = now - at
        line.least += _DRIFT * (now - line.before_now)
        line.before_at, line.before_now = at, now
        if took < line.least - _FALL_S:
            line.fell_at = now
        line.least = min(line.least, took)
        if now - line.fell_at < _SETTLED_S and now - line.began < _PATIENCE_S:
            return None
        return took - line.least
