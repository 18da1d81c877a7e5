"""One engine on one gallery: built in one process, searched in another, as rows."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.index_data import Dataset
from benchmarks.index_engines import ENGINES, version
from benchmarks.index_process import Heard, command, heard
from benchmarks.index_results import Row

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a build, and as many for the searches; threads of a build."""

    seconds: float
    build_threads: int


def run(engine: str, dataset: Dataset, work: Path, limits: Limits, say: Say) -> list[Row]:
    """Measure an engine; where it fails, the one row that says so."""
    stamp, folder = time.strftime("%Y-%m-%dT%H:%M:%S"), work / "index"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return _measured(engine, dataset, (folder, stamp), limits, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> str:
    """The processor, how many of them, and the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _measured(
    engine: str, dataset: Dataset, place: tuple[Path, str], limits: Limits, say: Say
) -> list[Row]:
    folder, stamp = place
    folders = (dataset.folder.resolve(), folder.resolve())
    threads = limits.build_threads
    build = heard(command("build", engine, folders, threads), threads, limits.seconds, say)
    if build.failure:
        return [_failed("build", engine, stamp, build, limits)]
    disk = _megabytes(engine, folder, dataset)
    search = heard(command("search", engine, folders, 1), 1, limits.seconds, say)
    rows = [
        _row(engine, stamp, point, search.exact_ms, (build.built, disk, threads))
        for point in search.points
    ]
    return [*rows, _failed("search", engine, stamp, search, limits)] if search.failure else rows


def _row(
    engine: str,
    stamp: str,
    point: Mapping[str, Any],
    exact_ms: float | None,
    build: tuple[Mapping[str, float | None], float, int],
) -> Row:
    built, disk, threads = build
    used = point["memory"] or {}
    return Row(
        engine=engine,
        version=_version(engine),
        run=stamp,
        setting=point["setting"],
        recall=point["recall"],
        p50_ms=point["p50_ms"],
        p99_ms=point["p99_ms"],
        exact_ms=exact_ms,
        build_s=built.get("build_s"),
        build_threads=threads,
        build_peak_mb=built.get("build_peak_mb"),
        disk_mb=disk,
        rss_mb=used.get("resident"),
        anon_mb=used.get("anonymous"),
    )


def _failed(step: str, engine: str, stamp: str, child: Heard, limits: Limits) -> Row:
    reached = f", having reached: {child.reached}" if child.reached else ""
    return Row(
        engine=engine,
        version=_version(engine),
        run=stamp,
        build_threads=limits.build_threads,
        note=f"{step}: {child.failure}{reached}",
    )


def _version(engine: str) -> str:
    package = ENGINES[engine].package
    return f"{package} {version(package)}"


def _megabytes(engine: str, folder: Path, dataset: Dataset) -> float:
    """What a search needs on disk: the index, and the vectors where the index has none."""
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    own = 0 if ENGINES[engine].keeps_vectors else dataset.vectors_path.stat().st_size
    return (sum(files) + own) / 1e6
