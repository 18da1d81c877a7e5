"""Plots as PNG; they need matplotlib, which nothing that serves does."""

import io
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from evaluation.metrics.curves import Floats
from evaluation.report.axes import shares
from training.classifying import HEAD, Classified
from training.figures import confusion
from training.rejecting import Rejection, Scored

WITHOUT_PLOTS = "no plots: matplotlib is missing (pip install -r requirements-training.txt)"
_MOST_NAMES = 40
_SIGN_NAMES = {"softmax": "softmax of the name", "centroid": "cosine to the name's centroid"}


def has_plots() -> bool:
    return find_spec("matplotlib") is not None


def classification_plots(found: Classified) -> dict[str, bytes]:
    """PNG pictures by file name; none where matplotlib is missing."""
    if not has_plots():
        return {}
    drawn: dict[str, Callable[[Any], None]] = {
        "learning-loss.png": lambda panel: _learning(panel, found, "loss"),
        "learning-accuracy.png": lambda panel: _learning(panel, found, "accuracy"),
        "confusion.png": lambda panel: _confusion(panel, found),
        "methods.png": lambda panel: _methods(panel, found),
    }
    for sign, rejected in found.rejections.items():
        drawn[f"strangers-{sign}.png"] = _strangers_of(found.scored[sign], rejected, sign)
    return {name: picture(draw) for name, draw in drawn.items()}


def picture(draw: Callable[[Any], None]) -> bytes:
    """One panel as PNG."""
    import_module("matplotlib").use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    figure, panel = pyplot.subplots(figsize=(7, 5))
    try:
        with warnings.catch_warnings():
            # Its font has no sign for some names: they are drawn as boxes.
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            draw(panel)
            figure.tight_layout()
            stream = io.BytesIO()
            figure.savefig(stream, dpi=110, format="png", metadata={"Software": None})
    finally:
        pyplot.close(figure)
    return stream.getvalue()


def histogram(
    panel: Any, kinds: Sequence[tuple[str, Floats, str]], threshold: float | None
) -> None:
    """Each kind's values as parts of their own number, and where the threshold is."""
    values = np.concatenate([one for _, one, _ in kinds])
    edges = np.linspace(values.min(), values.max() + 1e-9, 31)
    for name, one, color in kinds:
        weights = np.full(one.size, 100 / max(one.size, 1))
        label = f"{name} ({one.size})"
        panel.hist(one, edges, weights=weights, color=color, alpha=0.5, label=label)
    if threshold is not None:
        panel.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.3f}")
    panel.set_ylabel("part of its kind, %")
    panel.grid(visible=True, alpha=0.25)
    panel.legend(fontsize=9)


def _learning(panel: Any, found: Classified, what: str) -> None:
    kinds = ((what, "-", "training"), (f"val_{what}", ":", "stopping"))
    for number, fold in enumerate(found.folds):
        for key, style, _ in (*kinds, (f"held_out_{what}", "--", "")):
            values = fold.trained.curves.get(key)
            if values:
                panel.plot(range(1, len(values) + 1), values, style, color=f"C{number % 10}")
        panel.plot([], [], color=f"C{number % 10}", label=f"part {number + 1}")
        panel.axvline(fold.trained.epochs, color=f"C{number % 10}", alpha=0.3)
    for style, name in (("-", "trained on"), (":", "stops the training"), ("--", "held out")):
        panel.plot([], [], style, color="gray", label=name)
    said = f"{what} (label-smoothed)" if what == "loss" else f"{what} (part of photos)"
    panel.set(xlabel="epoch", ylabel=said)
    if what != "loss":
        shares(panel, max(0.0, panel.get_ylim()[0]), 1.0)
    panel.set_title("Learning by part; vertical: the epoch that is kept")
    panel.grid(visible=True, alpha=0.25)
    panel.legend(fontsize=8, ncols=2)


def _confusion(panel: Any, found: Classified) -> None:
    names = found.samples.names
    matrix = confusion(found.samples.people, found.named[HEAD], len(names))
    parts = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = panel.imshow(100 * parts, cmap="Blues", vmin=0, vmax=100)
    panel.figure.colorbar(shown, label="part of the person's photos, %")
    if len(names) <= _MOST_NAMES:
        size = 8 if len(names) <= 20 else 5
        # A name is never mathematics, whatever signs are in it.
        as_is = {"fontsize": size, "parse_math": False}
        panel.set_xticks(range(len(names)), names, rotation=90, **as_is)
        panel.set_yticks(range(len(names)), names, **as_is)
    # Too many to be written: by their places in results.json, from 0 on.
    which = "" if len(names) <= _MOST_NAMES else ", place among results.json's people"
    panel.set(xlabel=f"named{which}", ylabel=f"person{which}")
    panel.set_title("Held-out photos, nobody refused")


def _methods(panel: Any, found: Classified) -> None:
    names = list(found.named)
    rates = [found.errors(name) for name in names]
    parts = np.asarray([100 * (rate.value or 0) for rate in rates])
    low = parts - [100 * rate.interval.low for rate in rates]
    high = np.asarray([100 * rate.interval.high for rate in rates]) - parts
    spans = [np.maximum(low, 0), np.maximum(high, 0)]
    panel.errorbar(range(len(names)), parts, spans, fmt="o", capsize=4)
    panel.set_xticks(range(len(names)), ["trained head", *names[1:]])
    panel.set(xlabel="method", ylabel="held-out photos with a wrong name, %")
    shares(panel, 0.0, min(100.0, max(1.0, panel.get_ylim()[1])))
    panel.set_title(f"{len(found.samples.people)} held-out photos; bars: 95 %")
    panel.grid(visible=True, alpha=0.25)


def _strangers_of(scored: Scored, rejected: Rejection, sign: str) -> Callable[[Any], None]:
    def draw(panel: Any) -> None:
        kinds = [
            ("known people, right name", scored.known[scored.is_right], "#2ca02c"),
            ("known people, wrong name", scored.known[~scored.is_right], "#ff7f0e"),
            ("strangers", scored.strangers, "#d62728"),
        ]
        histogram(panel, [kind for kind in kinds if kind[1].size], rejected.threshold)
        panel.set_xlabel(_SIGN_NAMES[sign])
        panel.set_title("How sure names are; below the threshold none is said")

    return draw
