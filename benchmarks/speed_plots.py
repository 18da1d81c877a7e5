"""The measured times as bars: the PNG files of docs/performance.md."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.speed_process import BASELINE, DEEPFACE, Measured
from benchmarks.speed_profile import BASELINE_STAGES, STAGES

_THEIRS = (BASELINE, DEEPFACE)
_STAGE_COLORS = {
    "decode": "C0",
    "detect": "C1",
    "P-Net": "#ff7f0e",
    "R-Net": "#ffa64d",
    "O-Net": "#ffcc99",
    "align": "C4",
    "embed": "C2",
    "search": "C3",
    "rest": "0.6",
}


def plot_times(path: Path, found: Measured, machine: str) -> None:
    """One panel a photo: the median of each program, on its own scale, with its p95 as a line."""
    pyplot = _pyplot()
    photos = _names(found, 1)
    figure, panels = pyplot.subplots(
        1, len(photos), figsize=(4.2 * len(photos), 3.6), squeeze=False
    )
    for panel, photo in zip(panels[0], photos, strict=True):
        programs = [name for name, shown in found if shown == photo]
        timings = [found[name, photo] for name in programs]
        colors = ["0.6" if name in _THEIRS else "black" for name in programs]
        heights = [timing.p50 for timing in timings]
        late = [max(0.0, timing.p95 - timing.p50) for timing in timings]
        panel.bar(range(len(programs)), heights, color=colors, yerr=[[0.0] * len(late), late])
        for place, (median, more) in enumerate(zip(heights, late, strict=True)):
            label = f"{median:,.0f}"
            panel.annotate(label, (place, median + more), ha="center", va="bottom", fontsize=9)
        panel.set_xticks(range(len(programs)), programs, rotation=20, ha="right", fontsize=8)
        panel.set_title(f"{photo}", fontsize=10)
        panel.grid(visible=True, axis="y", alpha=0.25)
    panels[0][0].set_ylabel("ms, median and p95")
    _save(pyplot, figure, path, f"Photo bytes to identity in process. {machine}")


def plot_stages(path: Path, found: Measured, machine: str) -> None:
    """One panel a photo: Kenal's stages stacked; the baseline's beside, in a column of its own."""
    pyplot = _pyplot()
    photos = _names(found, 1)
    figure, panels = pyplot.subplots(
        2, len(photos), figsize=(4.2 * len(photos), 6.4), squeeze=False
    )
    for column, photo in enumerate(photos):
        ours = [name for name, shown in found if shown == photo and name not in _THEIRS]
        _stack(panels[0][column], found, photo, ours, STAGES)
        _stack(panels[1][column], found, photo, [BASELINE], BASELINE_STAGES)
        panels[0][column].set_title(photo, fontsize=10)
    for row in panels:
        row[0].set_ylabel("ms, median of each stage")
        row[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(pyplot, figure, path, f"Where the time goes. {machine}")


def _stack(
    panel: Any, found: Measured, photo: str, programs: Sequence[str], stages: Sequence[str]
) -> None:
    bottoms = [0.0] * len(programs)
    each = [found[name, photo].stages() for name in programs]
    for stage in stages:
        heights = [times.get(stage, 0.0) for times in each]
        panel.barh(programs, heights, left=bottoms, label=stage, color=_STAGE_COLORS[stage])
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    panel.invert_yaxis()
    panel.grid(visible=True, axis="x", alpha=0.25)
    panel.tick_params(labelsize=8)


def _names(found: Measured, place: int) -> list[str]:
    return list({key[place]: None for key in found})


def _save(pyplot: Any, figure: Any, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def _pyplot() -> Any:
    import_module("matplotlib").use("Agg")
    return import_module("matplotlib.pyplot")
