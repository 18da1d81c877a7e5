"""Kenal's whole path beside the plain program on the same packages: `python -m benchmarks.speed`.

One run, one page: targets met or not, times, stages, memory, accuracy. It never passes or fails.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.index_engines import version
from benchmarks.index_process import leave_nothing_behind
from benchmarks.index_run import machine
from benchmarks.photos import prepared, shared_dir
from benchmarks.speed_accuracy import accuracy
from benchmarks.speed_bulk import enrolled
from benchmarks.speed_gallery import PEOPLE, Bench
from benchmarks.speed_networks import OTHERS, Networks, networks
from benchmarks.speed_photos import SMALL, mixed_photos, timed_photos
from benchmarks.speed_plots import plot_stages, plot_times
from benchmarks.speed_process import BASELINE, Measured, measured
from benchmarks.speed_profile import broken_down, watched
from benchmarks.speed_report import Report, with_figures
from benchmarks.speed_sample import Timing
from benchmarks.speed_served import Requests, served
from benchmarks.speed_start import starts
from core.settings import Settings

PARTS = ("process", "profile", "served", "bulk", "start", "accuracy")
_PACKAGES = ("onnxruntime", "tensorflow", "keras", "mtcnn", "keras-facenet", "numpy")


def main() -> None:
    options = _options()
    leave_nothing_behind()
    logging.disable(logging.WARNING)
    shared = shared_dir()
    began = time.monotonic()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="kenal-speed-") as temporary:
        folder = Path(temporary)
        _say("preparing networks")
        report = _measured(options, shared, folder)
    minutes = (time.monotonic() - began) / 60
    load = f"Load average {busy:.1f} before and {os.getloadavg()[0]:.1f} after {minutes:.0f} min."
    report = replace(report, head=[*report.head, f"- {load}"])
    _write(report, options.out)
    print(report.page())
    _draw(report, options.docs)
    document = options.docs / "performance.md"
    if document.exists() and set(options.parts) == set(PARTS):
        document.write_text(with_figures(document.read_text(), report.figures()))


def _measured(options: argparse.Namespace, shared: Path, folder: Path) -> Report:
    """Every part that was asked for, one after another."""
    settings = prepared(shared, OTHERS)
    found = networks(settings, folder / "models")
    small = folder / "photos"
    small.mkdir()
    photos = timed_photos(shared / "faces" / "gallery", small)
    mixed = mixed_photos(shared / "faces" / "gallery", small)
    first = next(photo.path for photo in photos if photo.name == SMALL)
    real = [*OTHERS] if found.is_random else [found.facenet, *OTHERS]
    report = Report(_head(found, settings), found.facenet)
    for part in options.parts:
        bench = Bench(found, folder / part, _say)
        if part == "process":
            times = measured(bench, photos, options.rounds)
            report = replace(report, process=times)
        elif part == "profile":
            stages = measured(bench, photos, max(1, options.rounds // 2), watched)
            report = replace(report, profile=_by_stages(stages))
        elif part == "served":
            requests = Requests(options.requests, 2 * options.requests, options.soak)
            answers = served(bench, first, mixed, requests)
            report = replace(report, served=answers)
        elif part == "bulk":
            rates = enrolled(bench, shared, settings, options.photos)
            report = replace(report, bulk=rates)
        elif part == "start":
            report = replace(report, starts=starts(bench, options.start_faces))
        elif part == "accuracy":
            report = replace(report, accuracy=accuracy(shared, settings, real, _say))
        # What is measured is kept, whatever happens to the parts that follow.
        _write(report, options.out)
    return report


def _write(report: Report, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report.page())


def _by_stages(found: Measured) -> Measured:
    return {
        key: timing if key[0] == BASELINE else Timing([broken_down(s) for s in timing.samples])
        for key, timing in found.items()
    }


def _head(found: Networks, settings: Settings) -> list[str]:
    """What a reader must know of the run."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    weights = (
        "FaceNet has random weights of the true layout, the same for both programs: its times are"
        " real, its answers are not, and its accuracy is not measured."
    )
    return [
        f"- {machine()}; {datetime.now(UTC):%Y-%m-%d}.",
        f"- {packages}.",
        f"- {weights if found.is_random else 'FaceNet has its real weights, in both programs.'}",
        f"- {PEOPLE:,} people are enrolled; both programs run with their packages' own defaults"
        " for threads.",
        f"- KENAL_WORKERS {settings.workers}; faces from"
        f" {settings.min_face_px} px and {settings.min_face_part:g} of the photo's longer side.",
    ]


def _draw(report: Report, folder: Path) -> None:
    if report.process is not None:
        plot_times(folder / "performance.png", report.process, machine())
    if report.profile is not None:
        plot_stages(folder / "performance-stages.png", report.profile, machine())


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _parts(text: str) -> Sequence[str]:
    chosen = text.split(",")
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(PARTS)}")
    return [part for part in PARTS if part in chosen]


def _sizes(text: str) -> Sequence[int]:
    return [int(size) for size in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=_parts, default=PARTS, help=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=30, help="answers to each photo in process")
    parser.add_argument("--requests", type=int, default=200, help="by one client; 8 send twice it")
    parser.add_argument("--soak", type=int, default=0, help="requests of mixed sizes afterwards")
    parser.add_argument("--photos", type=int, default=400, help="of the bulk enrollment")
    parser.add_argument("--start-faces", type=_sizes, default=[PEOPLE, 100_000])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/speed.md"))
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="plots, performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
