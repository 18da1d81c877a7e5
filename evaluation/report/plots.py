"""The curves as PNG pictures; they need matplotlib, which nothing that serves does."""

import io
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from evaluation.evaluate import Evaluation, Result
from evaluation.identifying import OfSize
from evaluation.metrics.curves import thinned
from evaluation.metrics.intervals import Rate
from evaluation.report.axes import log_axis, probit, probit_axis, shares

WITHOUT_PLOTS = "no plots: matplotlib is missing (pip install -r requirements-eval.txt)"
_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_LINES = ("-", "--", "-.", ":")
_MOST_POINTS = 2000
_BINS = 50
_LEGEND_COLUMNS = 3


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
    found_in = [
        r for r in sized if r.identification and any(s.fnir.trials for s in r.identification.sizes)
    ]
    drawn: dict[str, tuple[Sequence[Result], Callable[[Any, Sequence[Result]], None]]] = {
        "roc": (curved, _roc),
        "det": (curved, _det),
        "ranks": (searched, _ranks),
        "growth-strangers": (sized, _growth_of_strangers),
        "growth-enrolled": (found_in, _growth_of_enrolled),
    }
    made = {name: _picture(draw, of) for name, (of, draw) in drawn.items() if of}
    scores = {f"scores-{result.embedder}": _picture(_scores, [result]) for result in curved}
    return {**made, **scores}


def _roc(panel: Any, results: Sequence[Result]) -> None:
    axis = log_axis(_most_trials(results)[0])
    for style, result in _styled(results):
        judged = result.verification
        assert judged.curve is not None
        line = thinned(judged.curve, _MOST_POINTS)
        x = axis.places(line.fmr)
        panel.step(x, 1 - line.fnmr, where="post", label=result.embedder, **style)
        at = axis.places(np.asarray([judged.fmr.value or 0]))
        panel.plot(at, [1 - (judged.fnmr.value or 0)], "o", color=style["color"], markersize=6)
    axis.draw(panel, vertical=False)
    panel.set(xlabel="false match rate (FMR)", ylabel="true match rate (1 - FNMR)")
    panel.set_title("ROC; dot: at the threshold")
    low = min(1 - (result.verification.fnmr.value or 0) for result in results)
    shares(panel, max(0.0, min(0.9, low - 0.1)), 1.0)


def _det(panel: Any, results: Sequence[Result]) -> None:
    axes = [probit_axis(trials) for trials in _most_trials(results)]
    for style, result in _styled(results):
        judged = result.verification
        assert judged.curve is not None
        line = thinned(judged.curve, _MOST_POINTS)
        x, y = (a.places(r) for a, r in zip(axes, (line.fmr, line.fnmr), strict=True))
        panel.step(x, y, where="post", label=result.embedder, **style)
        # Between the steps it may be less than one error of either kind, where no line is.
        if judged.eer is not None and judged.eer * min(axis.trials for axis in axes) >= 1:
            at = probit(np.asarray([judged.eer, judged.eer]))
            panel.plot(*at, "x", color=style["color"], markersize=8)
    for axis, vertical in zip(axes, (False, True), strict=True):
        axis.draw(panel, vertical)
    panel.tick_params(axis="x", labelrotation=45, labelsize=8)
    panel.set(xlabel="false match rate (FMR)", ylabel="false non-match rate (FNMR)")
    panel.set_title("DET; cross: equal error rate, where errors are seen")


def _most_trials(results: Sequence[Result]) -> tuple[int, int]:
    """Comparisons of two people, and of one."""
    return (
        max(result.verification.fmr.trials for result in results),
        max(result.verification.fnmr.trials for result in results),
    )


def _scores(panel: Any, results: Sequence[Result]) -> None:
    judged = results[0].verification
    values = np.concatenate([judged.scores.genuine, judged.scores.impostor])
    edges = np.linspace(values.min(), values.max() + 1e-9, _BINS + 1)
    kinds = (("two people", judged.scores.impostor, "#d62728"),)
    for name, scores, color in (("one person", judged.scores.genuine, "#2ca02c"), *kinds):
        weights = np.full(scores.size, 100 / scores.size)
        label = f"{name} ({scores.size:,})"
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
    panel.set_title(f"Identification among {people:,} people")
    shares(panel, max(0.0, min(0.9, panel.get_ylim()[0])), 1.0)


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
    shares(panel, 0.0, min(1.0, max(0.1, panel.get_ylim()[1])))


def _picture(draw: Callable[[Any, Sequence[Result]], None], results: Sequence[Result]) -> bytes:
    pyplot = _pyplot()
    figure, panel = pyplot.subplots(figsize=(6.4, 4.8), layout="constrained")
    try:
        draw(panel, results)
        panel.grid(visible=True, alpha=0.25)
        # Below: within the axes there may be data everywhere.
        figure.legend(fontsize=9, loc="outside lower center", ncols=_LEGEND_COLUMNS)
        stream = io.BytesIO()
        figure.savefig(stream, dpi=110, format="png", metadata={"Software": None})
    finally:
        pyplot.close(figure)
    return stream.getvalue()


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
