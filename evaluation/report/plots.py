"""The curves as PNG pictures; they need matplotlib, which nothing that serves does."""

import io
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.evaluate import Evaluation, Result
from evaluation.identifying import OfSize
from evaluation.metrics.curves import thinned
from evaluation.metrics.intervals import Rate

WITHOUT_PLOTS = "no plots: matplotlib is missing (pip install -r requirements-eval.txt)"
_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_LINES = ("-", "--", "-.", ":")
_PROBIT_TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_LEAST_SPAN = -2.0
"""Of the axes of a DET, in deviations: 2.3 %."""
_MOST_POINTS = 2000
_BINS = 50


def has_plots() -> bool:
    return find_spec("matplotlib") is not None


def plots(found: Evaluation) -> dict[str, bytes]:
    """PNG pictures by name, those the data has something for; none where matplotlib is missing."""
    if not has_plots():
        return {}
    results = found.results
    curved = [result for result in results if result.verification.curve is not None]
    searched = [result for result in results if result.identification is not None]
    sized = [r for r in searched if r.identification and len(r.identification.sizes) > 1]
    drawn: dict[str, tuple[Sequence[Result], Callable[[Any, Sequence[Result]], None]]] = {
        "roc": (curved, _roc),
        "det": (curved, _det),
        "ranks": (searched, _ranks),
        "growth-strangers": (sized, _growth_of_strangers),
        "growth-enrolled": (sized, _growth_of_enrolled),
    }
    made = {name: _picture(draw, of) for name, (of, draw) in drawn.items() if of}
    scores = {f"scores-{result.embedder}": _picture(_scores, [result]) for result in curved}
    return {**made, **scores}


def _roc(panel: Any, results: Sequence[Result]) -> None:
    least = 1.0
    for style, result in _styled(results):
        judged = result.verification
        assert judged.curve is not None
        line = thinned(judged.curve, _MOST_POINTS)
        # What is below one of all comparisons was not measured.
        floor = 0.5 / judged.fmr.trials
        least = min(least, floor)
        x = np.maximum(line.fmr, floor)
        panel.step(x, 1 - line.fnmr, where="post", label=result.embedder, **style)
        at = (max(judged.fmr.value or 0, floor), 1 - (judged.fnmr.value or 0))
        panel.plot(*at, "o", color=style["color"], markersize=6)
    panel.set(xscale="log", xlim=(least, 1), xlabel="false match rate (FMR)")
    panel.set(ylabel="true match rate (1 - FNMR)", title="ROC; dot: at the threshold")
    low = min(1 - (result.verification.fnmr.value or 0) for result in results)
    panel.set_ylim(max(-0.02, min(0.9, low - 0.1)), 1.01)


def _det(panel: Any, results: Sequence[Result]) -> None:
    for style, result in _styled(results):
        judged = result.verification
        assert judged.curve is not None
        line = thinned(judged.curve, _MOST_POINTS)
        x, y = (
            _probit(np.clip(values, 0.5 / trials, 1 - 0.5 / trials))
            for values, trials in (
                (line.fmr, judged.fmr.trials),
                (line.fnmr, judged.fnmr.trials),
            )
        )
        panel.step(x, y, where="post", label=result.embedder, **style)
        eer = judged.eer
        if eer is not None and eer > 0:
            panel.plot(*_probit(np.asarray([eer, eer])), "x", color=style["color"], markersize=8)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_ticks(
            _probit(np.asarray(_PROBIT_TICKS)), [f"{100 * t:g} %" for t in _PROBIT_TICKS]
        )
    panel.tick_params(axis="x", labelrotation=45, labelsize=8)
    impostor = max(result.verification.fmr.trials for result in results)
    genuine = max(result.verification.fnmr.trials for result in results)
    left, bottom, high = _probit(np.asarray([0.4 / impostor, 0.4 / genuine, 0.95]))
    panel.set(xlim=(min(left, _LEAST_SPAN), high), ylim=(min(bottom, _LEAST_SPAN), high))
    panel.set(xlabel="false match rate (FMR)", ylabel="false non-match rate (FNMR)")
    panel.set_title("DET; cross: equal error rate, where it is not zero")


def _scores(panel: Any, results: Sequence[Result]) -> None:
    judged = results[0].verification
    values = np.concatenate([judged.scores.genuine, judged.scores.impostor])
    edges = np.linspace(values.min(), values.max() + 1e-9, _BINS + 1)
    kinds = (("two people", judged.scores.impostor, "#d62728"),)
    for name, scores, color in (("one person", judged.scores.genuine, "#2ca02c"), *kinds):
        weights = np.full(scores.size, 100 / scores.size)
        label = f"{name} ({scores.size})"
        panel.hist(scores, edges, weights=weights, color=color, alpha=0.55, label=label)
    said = f"threshold {judged.threshold:.3f}"
    panel.axvline(judged.threshold, color="black", linestyle="--", label=said)
    panel.set(xlabel="similarity", ylabel="part of the pairs of its kind, %")
    panel.set_title(f"Similarities by {results[0].embedder}")


def _ranks(panel: Any, results: Sequence[Result]) -> None:
    for style, result in _styled(results):
        assert result.identification is not None
        rates = result.identification.not_among
        places = np.arange(1, len(rates) + 1)
        found = [1 - (rate.value or 0) for rate in rates]
        panel.plot(places, found, marker="o", label=result.embedder, **style)
        panel.set_xticks(places)
    people = max(r.identification.people for r in results if r.identification)
    panel.set(xlabel="rank k", ylabel="searches with the right person among the first k")
    panel.set(title=f"Identification among {people} people", ylim=(None, 1.02))
    panel.set_ylim(min(0.9, panel.get_ylim()[0]), 1.02)


def _growth_of_strangers(panel: Any, results: Sequence[Result]) -> None:
    _growth(panel, results, lambda size: size.fpir)
    panel.set_ylabel("strangers who get a name (FPIR)")
    panel.set_title("Strangers as the gallery grows, at the threshold; bars: 95 %")


def _growth_of_enrolled(panel: Any, results: Sequence[Result]) -> None:
    _growth(panel, results, lambda size: size.fnir)
    panel.set_ylabel("enrolled people not found (FNIR)")
    panel.set_title("Enrolled people as the gallery grows, at the threshold; bars: 95 %")


def _growth(panel: Any, results: Sequence[Result], rate_of: Callable[[OfSize], Rate]) -> None:
    sizes: set[int] = set()
    for place, (style, result) in enumerate(_styled(results)):
        assert result.identification is not None
        known = [one for one in result.identification.sizes if rate_of(one).trials]
        rates = [rate_of(one) for one in known]
        values = np.asarray([rate.value or 0 for rate in rates])
        below = values - [rate.interval.low for rate in rates]
        above = np.asarray([rate.interval.high for rate in rates]) - values
        # Beside each other, so that no bar hides another.
        x = np.asarray([one.people for one in known]) * 1.03**place
        spans = [np.maximum(below, 0), np.maximum(above, 0)]
        panel.errorbar(x, values, spans, marker="o", capsize=3, label=result.embedder, **style)
        sizes |= {one.people for one in known}
    panel.set(xscale="log", xlabel="people enrolled")
    panel.set_xticks(sorted(sizes), [f"{size:,}" for size in sorted(sizes)])
    panel.minorticks_off()
    panel.set_ylim(-0.02, max(0.1, panel.get_ylim()[1]))


def _picture(draw: Callable[[Any, Sequence[Result]], None], results: Sequence[Result]) -> bytes:
    pyplot = _pyplot()
    figure, panel = pyplot.subplots(figsize=(6.4, 4.6))
    try:
        draw(panel, results)
        panel.grid(visible=True, alpha=0.25)
        panel.legend(fontsize=9)
        figure.tight_layout()
        stream = io.BytesIO()
        figure.savefig(stream, dpi=110, format="png", metadata={"Software": None})
    finally:
        pyplot.close(figure)
    return stream.getvalue()


def _probit(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    normal = NormalDist()
    return np.asarray([normal.inv_cdf(float(rate)) for rate in rates])


def _styled(results: Sequence[Result]) -> list[tuple[dict[str, str], Result]]:
    """Colors, and lines that show where they lie upon each other."""
    styles = [
        {"color": _COLORS[at % len(_COLORS)], "linestyle": _LINES[at % len(_LINES)]}
        for at in range(len(results))
    ]
    return list(zip(styles, results, strict=True))


def _pyplot() -> ModuleType:
    import_module("matplotlib").use("Agg")
    return import_module("matplotlib.pyplot")
