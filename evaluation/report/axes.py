"""Axes of rates: no tick where no share is, and a band of its own where no error was seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from evaluation.metrics.curves import Floats

_EDGE, _PLACE, _WORDS, _END = 0.02, 0.06, 0.12, 0.17
"""Where the band begins, its line, its words and its end, as parts of the measured axis."""
_MARGIN = 0.03
_PROBIT_TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_DECADES = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0)
_MOST = 0.9999


@dataclass(frozen=True, slots=True)
class RateAxis:
    """A scale of error rates from the least that `trials` can show, one error, up to `high`.

    Below it is the band of no error: the measured rate is zero, and the
    true one cannot be told.
    """

    trials: int
    high: float
    scale: Callable[[Floats], Floats]
    ticks: Sequence[float]

    def places(self, rates: Floats) -> Floats:
        """Where rates are drawn: zero in the middle of the band, all others by the scale."""
        on_scale = self.scale(np.clip(rates, 0.5 / self.trials, _MOST))
        return np.where(rates > 0, on_scale, self._below(_PLACE))

    def draw(self, panel: Any, vertical: bool) -> None:
        """Limits, ticks, and the band with its words."""
        axis = panel.yaxis if vertical else panel.xaxis
        shown = [tick for tick in self.ticks if self._least <= tick <= self.high]
        at = [self._below(_PLACE), *self.scale(np.asarray(shown)).tolist()]
        axis.set_ticks(at, ["none", *(f"{100 * tick:g} %" for tick in shown)])
        limit, band = (
            (panel.set_ylim, panel.axhspan) if vertical else (panel.set_xlim, panel.axvspan)
        )
        limit(self._below(_END), float(self.scale(np.asarray([self.high]))[0]))
        band(self._below(_END), self._below(_EDGE), color="#e8e8e8", zorder=0)
        self._say(panel, vertical)

    @property
    def _least(self) -> float:
        return min(1 / self.trials, 0.5)

    def _below(self, part: float) -> float:
        first, last = self.scale(np.asarray([self._least, self.high])).tolist()
        return float(first - part * (last - first))

    def _say(self, panel: Any, vertical: bool) -> None:
        said = (
            f"no error in {self.trials:,} comparisons;"
            f" below {100 / self.trials:.2g} % cannot be told"
        )
        middle, transform = 0.5, panel.get_yaxis_transform()
        style = {"ha": "center", "va": "center", "fontsize": 7, "color": "#404040"}
        if vertical:
            panel.text(middle, self._below(_WORDS), said, transform=transform, **style)
        else:
            transform = panel.get_xaxis_transform()
            at = self._below(_WORDS)
            panel.text(at, middle, said, transform=transform, rotation=90, **style)


def probit_axis(trials: int) -> RateAxis:
    """As a DET has it: normal deviations."""
    return RateAxis(trials, 0.95, probit, _PROBIT_TICKS)


def log_axis(trials: int) -> RateAxis:
    """Decades, up to all."""
    return RateAxis(trials, 1.0, np.log10, _DECADES)


def probit(rates: Floats) -> Floats:
    normal = NormalDist()
    return np.asarray([normal.inv_cdf(float(rate)) for rate in rates])


def shares(panel: Any, low: float, high: float) -> None:
    """Shares between `low` and `high`, and a margin for what lies upon either, without ticks."""
    margin = _MARGIN * (high - low)
    panel.set_ylim(low, high)
    ticks = [tick for tick in panel.get_yticks() if low - 1e-9 <= tick <= high + 1e-9]
    panel.set_yticks(ticks)
    panel.set_ylim(low - margin, high + margin)
