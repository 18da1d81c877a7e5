"""Search latency while another process rebuilds the index: `make bench-index-building`.

With --start: how long a fresh process takes to its first answer. One numeric thread everywhere.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.index import SETS
from benchmarks.index_builder import DELETED
from benchmarks.index_data import Dataset, Shape
from benchmarks.index_kenal import spec
from benchmarks.index_process import ROOT, end, environment, leave_nothing_behind
from benchmarks.index_run import machine
from benchmarks.index_start import cold_starts, starts_table, warm_starts
from benchmarks.index_watch import Phase, Watched, for_seconds, phases_table, while_running
from index import FaceIndex


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--count", type=int, default=1_000_000)
    add("--dim", type=int, default=512)
    add("--set", choices=SETS, default="realistic")
    add("--queries", type=int, default=300)
    add("--idle", type=float, default=15, help="seconds measured before and after")
    add("--pause", type=float, default=0.01, help="seconds between two searches")
    add("--start", action="store_true", help="measure the start of a process instead")
    add("--work", type=Path, help="keeps the gallery and the index for the next run")
    add("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


def _builder(step: str, dataset: Dataset, folder: Path) -> "subprocess.Popen[str]":
    paths = [str(dataset.folder.resolve()), str(folder.resolve())]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.index_builder", step, *paths],
        env=environment(1),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ended(child: "subprocess.Popen[str]") -> float | None:
    """The finished child's peak of memory; raises SystemExit where it failed."""
    said, _ = child.communicate()
    if child.returncode:
        raise SystemExit(f"the building process ended with status {child.returncode}")
    peak: float | None = json.loads(said)["peak_mb"]
    return peak


def _during(step: str, watched: Watched, dataset: Dataset, folder: Path) -> Phase:
    child = _builder(step, dataset, folder)
    try:
        phase = watched.during(f"during {step}", while_running(child))
        return replace(phase, peak_mb=_ended(child))
    finally:
        end(child)


def _rebuild(dataset: Dataset, folder: Path) -> None:
    child = _builder("rebuild", dataset, folder)
    try:
        _ended(child)
    finally:
        end(child)


def _built(dataset: Dataset, folder: Path, least: int) -> FaceIndex:
    """The index in `folder`, rebuilt unless it has at least so many faces."""
    space = spec(dataset.vectors().shape[1])
    if FaceIndex.open(folder, space).count < least:
        print("building the index", flush=True)
        _rebuild(dataset, folder)
    index = FaceIndex.open(folder, space)
    index.finish_checks()
    if index.problem is not None:
        raise SystemExit(f"the index cannot be used: {index.problem}")
    return index


def _building(options: argparse.Namespace, dataset: Dataset, folder: Path) -> list[Phase]:
    index = _built(dataset, folder, options.count)
    best = (dataset.truth() + 1).tolist()
    watched = Watched(index, dataset.queries(), best, options.pause)
    watched.during("warm-up", for_seconds(min(3.0, options.idle)))
    phases = []
    for name in ("idle before", "rebuild", "compact", "idle after"):
        print(f"measuring: {name}", flush=True)
        if name.startswith("idle"):
            phases.append(watched.during(name, for_seconds(options.idle)))
        else:
            phases.append(_during(name, watched, dataset, folder))
    return phases


def _write(out: Path, name: str, lines: Sequence[str], data: object) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(data, indent=1))
    (out / f"{name}.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


def _report_start(options: argparse.Namespace, dataset: Dataset, folder: Path, what: str) -> None:
    _built(dataset, folder, int(options.count * (1 - DELETED)))
    places = (folder.resolve(), (dataset.folder / "queries.npy").resolve())
    warm, cold = warm_starts(*places), cold_starts(*places)
    title = [f"# From a process's start to its first answer: {what}", "", f"{machine()}.", ""]
    data = {"machine": machine(), "warm": warm, "cold": cold}
    _write(options.out, f"index-start-{what}", [*title, *starts_table(warm, cold)], data)


def _report_building(
    options: argparse.Namespace, dataset: Dataset, folder: Path, what: str
) -> None:
    phases = _building(options, dataset, folder)
    lines = [
        f"# Searches while the index is built: {what}",
        "",
        f"{machine()}. One search every {1000 * options.pause:.0f} ms and its own time;"
        f" {DELETED:.0%} of the faces are removed before compaction.",
        "",
        *phases_table(phases),
    ]
    data = {"machine": machine(), "phases": [asdict(phase) for phase in phases]}
    _write(options.out, f"index-building-{what}", lines, data)


def main() -> None:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # It is read when numpy is loaded, which has happened already.
        again = [sys.executable, "-m", "benchmarks.index_building", *sys.argv[1:]]
        os.execve(sys.executable, again, environment(1))
    leave_nothing_behind()
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="kenal-bench-") as temporary:
        work = options.work or Path(temporary)
        shape = Shape(options.set, options.count, options.dim, options.queries)
        print(f"{shape}: making or opening the gallery", flush=True)
        dataset = Dataset.made(shape, work)
        report = _report_start if options.start else _report_building
        report(options, dataset, work / f"building-{shape}", str(shape))


if __name__ == "__main__":
    main()
