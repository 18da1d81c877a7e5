"""Whether a camera shows what is before it: pure, told each picture and the time."""

import numpy as np

from edge.types import Pixels

OK, STARTING, LOST = "ok", "starting", "lost"
FROZEN, BLACK, GREEN, LATE = "frozen", "black", "green", "late"
RESTARTED = frozenset({FROZEN, BLACK, GREEN, LATE})
"""What a camera is opened anew for; a lost one is anyway."""

_BLACK_MEAN = 6.0
_BLACK_SPREAD = 4.0
_GREEN_PART = 0.5
_UNIFORM_SPREAD = 6.0
_SAMPLE = 8


class Watch:
    """Says what is wrong once it has lasted."""

    def __init__(
        self, lost_s: float = 2.0, frozen_s: float = 5.0, wrong_color_s: float = 3.0
    ) -> None:
        self._lost_s = lost_s
        self._lasting_s = {FROZEN: frozen_s, BLACK: wrong_color_s, GREEN: wrong_color_s}
        self._before: Pixels | None = None
        self._seen_at: float | None = None
        self._trouble = OK
        self._since = 0.0
        self._has_shown = False

    def see(self, image: Pixels, now: float) -> str:
        """Takes a picture into account and answers `state`."""
        trouble = judge(image, self._before)
        if trouble != self._trouble:
            # A frozen picture began to be frozen when it was first seen.
            first = self._seen_at if trouble == FROZEN else None
            self._since = now if first is None else first
        self._trouble, self._before, self._seen_at = trouble, image, now
        self._has_shown = self._has_shown or trouble == OK
        return self.state(now)

    @property
    def is_usable(self) -> bool:
        """Whether the picture seen last may be looked at: since the camera was opened one was
        good, and this one shows something."""
        return self._has_shown and self._trouble not in (BLACK, GREEN)

    def state(self, now: float) -> str:
        """`ok`, `starting`, `lost`, `frozen`, `black` or `green`."""
        if self._seen_at is None:
            return STARTING
        if now - self._seen_at > self._lost_s:
            return LOST
        if self._trouble != OK and now - self._since >= self._lasting_s[self._trouble]:
            return self._trouble
        return OK if self._has_shown else STARTING

    def restart(self) -> None:
        """The camera was opened anew; what was frozen is so still if it shows the same."""
        if self._trouble != FROZEN:
            self._before = None
        self._seen_at, self._trouble, self._has_shown = None, OK, False


def judge(image: Pixels, before: Pixels | None) -> str:
    """What is wrong with one picture, or `ok`."""
    sample = image[::_SAMPLE, ::_SAMPLE].astype(np.float32)
    if sample.mean() < _BLACK_MEAN and sample.std() < _BLACK_SPREAD:
        return BLACK
    if _green(sample):
        return GREEN
    if before is not None and _same(image, before):
        return FROZEN
    return OK


def _green(sample: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bool:
    """Whether half of it is the green that missing data decodes to: zeros in YUV.

    Which green depends on the color space; where all of it is one green, any will do.
    """
    blue, green, red = sample[..., 0], sample[..., 1], sample[..., 2]
    empty = (blue < 24) & (red < 24) & (green > 100) & (green < 190)
    if empty.mean() > _GREEN_PART:
        return True
    is_flat = float(sample.std(axis=(0, 1)).max()) < _UNIFORM_SPREAD
    return is_flat and float(green.mean()) > 40 + 2 * max(float(blue.mean()), float(red.mean()))


def _same(image: Pixels, before: Pixels) -> bool:
    """Whether not one pixel differs; a few rows tell most pictures apart."""
    if not np.array_equal(image[::_SAMPLE], before[::_SAMPLE]):
        return False
    return np.array_equal(image, before)
