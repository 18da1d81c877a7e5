"""Recall against time, one curve an engine: the PNG files of the documents."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.index_engines import ENGINES
from benchmarks.index_results import Head, Row

_MARKS = "osv^D<>Pp*Xhd"
# matplotlib's tab20, the strong ones first: as many colors as there are engines.
_COLORS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    *("#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5"),
    *("#c49c94", "#f7b6d2", "#c7c7c7", "#dbdb8d", "#9edae5"),
)
_LEAST_SPAN = 0.1
"""Of the recall axis: differences of a probe or two look as small as they are."""


def plot(path: Path, pages: Sequence[tuple[Head, Sequence[Row]]]) -> None:
    """One panel for each gallery of one set, side by side."""
    pyplot = _pyplot()
    figure, panels = pyplot.subplots(
        1, len(pages), figsize=(1.5 + 5.5 * len(pages), 5), squeeze=False, sharey=True
    )
    for panel, (head, rows) in zip(panels[0], pages, strict=True):
        _panel(panel, head, rows)
    names = list({row.engine: None for _, rows in pages for row in rows if row.recall})
    handles = [_line(pyplot, name) for name in names]
    panels[0][0].set_ylabel("recall@1, mean over the probes")
    low = min((row.mean_recall or 0 for _, rows in pages for row in rows if row.recall), default=0)
    panels[0][0].set_ylim(min(low, 1 - _LEAST_SPAN) - 0.02, 1.01)
    figure.legend(handles, names, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def _panel(panel: Any, head: Head, rows: Sequence[Row]) -> None:
    for name in {row.engine: None for row in rows}:
        points = [row for row in rows if row.engine == name and row.recall is not None]
        style = _style(name)
        panel.plot([row.p50_ms for row in points], [row.mean_recall for row in points], **style)
    panel.set_xscale("log")
    panel.set_xlabel("p50 of one search, ms, one thread")
    panel.set_title(f"{head.shape.set}, {head.shape.count:,} × {head.shape.dim}", fontsize=10)
    panel.grid(visible=True, which="both", alpha=0.25)


def _line(pyplot: Any, name: str) -> Any:
    return pyplot.Line2D([], [], **_style(name))


def _style(name: str) -> dict[str, Any]:
    """The same color and mark for an engine in every panel and every file."""
    place = list(ENGINES).index(name)
    own = name == "kenal"
    return {
        "color": "black" if own else _COLORS[place % len(_COLORS)],
        "marker": "*" if own else _MARKS[place % len(_MARKS)],
        "markersize": 14 if own else 5,
        "linewidth": 1.2,
        "zorder": 5 if own else 2,
    }


def _pyplot() -> Any:
    import_module("matplotlib").use("Agg")
    return import_module("matplotlib.pyplot")
