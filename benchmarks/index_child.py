"""One step of one engine in a process of its own: `python -m benchmarks.index_child`.

Says what it measures as JSON, a line each, on standard output.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.index_data import Dataset
from benchmarks.index_engine import Engine, Job, Search
from benchmarks.index_engines import ENGINES
from benchmarks.index_exact import Exact
from benchmarks.index_memory import be_first_to_go, memory

WARM_UP = 20
_REFERENCE_QUERIES = 50


def timed(search: Search, queries: np.ndarray) -> tuple[list[int], list[float]]:
    """What each query finds, one by one after a warm-up, and how many milliseconds it took."""
    for query in queries[:WARM_UP]:
        search(query)
    found, took = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(search(query))
        took.append((time.perf_counter() - start) * 1000)
    return found, took


def recall(found: Sequence[int], truth: Sequence[int], groups: Sequence[str]) -> dict[str, float]:
    """Share of probes whose exact best was found, by group."""
    hits: dict[str, list[bool]] = {group: [] for group in sorted(set(groups))}
    for row, best, group in zip(found, truth, groups, strict=True):
        hits[group].append(row == best)
    return {group: sum(right) / len(right) for group, right in hits.items()}


def _say(what: str, value: object) -> None:
    print(json.dumps({what: value}), flush=True)


def _build(engine: Engine, job: Job) -> None:
    start = time.perf_counter()
    engine.build(job)
    seconds = time.perf_counter() - start
    used = memory()
    _say("built", {"build_s": seconds, "build_peak_mb": used.peak if used else None})


def _search(engine: Engine, job: Job, dataset: Dataset) -> None:
    queries, truth, groups = dataset.queries(), dataset.truth().tolist(), dataset.groups()
    for setting in engine.open(job):
        job.tell(f"searching: {setting.label}")
        found, took = timed(setting.search, queries)
        used = memory()
        p50, p99 = np.percentile(took, [50, 99])
        _say(
            "point",
            {
                "setting": setting.label,
                "recall": recall(found, truth, groups),
                "p50_ms": p50,
                "p99_ms": p99,
                "memory": asdict(used) if used else None,
            },
        )


def _reference(job: Job, dataset: Dataset) -> float:
    """What the exact product takes here and now, in milliseconds."""
    (setting,) = Exact(in_memory=True).open(job)
    _, took = timed(setting.search, dataset.queries()[:_REFERENCE_QUERIES])
    return float(np.median(took))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["build", "search"])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    be_first_to_go()
    dataset, engine = Dataset.open(chosen.dataset), ENGINES[chosen.engine]
    vectors = dataset.vectors()
    job = Job(vectors, chosen.folder, chosen.threads, lambda reached: _say("reached", reached))
    if chosen.step == "build":
        _build(engine, job)
    else:
        _search(engine, job, dataset)
        # Last, so that its copy of the vectors is in no figure of the engine's memory.
        _say("exact_ms", _reference(job, dataset))


if __name__ == "__main__":
    main()
