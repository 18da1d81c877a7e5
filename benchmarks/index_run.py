"""One engine on one gallery: built in one process, searched in another, as rows."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
    folder = work / "index"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return _measured(engine, dataset, folder, limits, say)
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


def _measured(engine: str, dataset: Dataset, folder: Path, limits: Limits, say: Say) -> list[Row]:
    folders = (dataset.folder.resolve(), folder.resolve())
    threads = limits.build_threads
    empty = Row(
        engine=engine,
        version=_version(engine),
        run=time.strftime("%Y-%m-%dT%H:%M:%S"),
        queries=len(dataset.queries()),
        build_threads=threads,
    )
    build = heard(command("build", engine, folders, threads), threads, limits.seconds, say)
    if build.failure:
        return [_failed("build", empty, build)]
    built = replace(
        empty,
        build_s=build.built["build_s"],
        build_peak_mb=build.built["build_peak_mb"],
        disk_mb=_megabytes(engine, folder, dataset),
    )
    search = heard(command("search", engine, folders, 1), 1, limits.seconds, say)
    rows = [_row(built, point, search.exact_ms) for point in search.points]
    return [*rows, _failed("search", empty, search)] if search.failure else rows


def _row(built: Row, point: Mapping[str, Any], exact_ms: float | None) -> Row:
    used = point["memory"] or {}
    return replace(
        built,
        setting=point["setting"],
        recall=point["recall"],
        p50_ms=point["p50_ms"],
        p99_ms=point["p99_ms"],
        exact_ms=exact_ms,
        rss_mb=used.get("resident"),
        anon_mb=used.get("anonymous"),
    )


def _failed(step: str, empty: Row, child: Heard) -> Row:
    reached = f", having reached: {child.reached}" if child.reached else ""
    return replace(empty, note=f"{step}: {child.failure}{reached}")


def _version(engine: str) -> str:
    package = ENGINES[engine].package
    return f"{package} {version(package)}"


def _megabytes(engine: str, folder: Path, dataset: Dataset) -> float:
    """What a search needs on disk: the index, and the vectors where the index has none."""
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    own = 0 if ENGINES[engine].keeps_vectors else dataset.vectors_path.stat().st_size
    return (sum(files) + own) / 1e6
