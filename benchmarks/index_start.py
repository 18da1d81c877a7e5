"""How long a fresh process takes to its first answer on an index that is on disk."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.index_process import ROOT, environment
from benchmarks.index_tables import markdown

_STEPS = ("imported", "opened", "answered", "checked")
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_RUNS = 5
_COLD_RUNS = 3

Start = Mapping[str, float]
"""Seconds from the process's start to each step."""


def warm_starts(folder: Path, queries: Path) -> list[Start]:
    """With everything in the page cache, as after a restart of the service."""
    _start(folder, queries)
    return [_start(folder, queries) for _ in range(_RUNS)]


def cold_starts(folder: Path, queries: Path) -> list[Start]:
    """With nothing in the page cache, as after a restart of the machine.

    Empty where this system does not let us drop it.
    """
    found = []
    for _ in range(_COLD_RUNS):
        if not _dropped():
            return []
        found.append(_start(folder, queries))
    return found


def starts_table(warm: Sequence[Start], cold: Sequence[Start]) -> list[str]:
    """A Markdown table of medians; says so where the cold start was not measured."""
    rows = [
        [name, *(f"{median(run[step] for run in runs):.2f}" for step in _STEPS)]
        for name, runs in (("warm", warm), ("cold", cold))
        if runs
    ]
    missing = [] if cold else ["", "Cold: not measured, the page cache cannot be dropped here."]
    return [*markdown(["page cache", *(f"{step}, s" for step in _STEPS)], rows), *missing]


def _start(folder: Path, queries: Path) -> Start:
    command = [sys.executable, "-m", "benchmarks.index_first", str(folder), str(queries)]
    began = time.monotonic()
    done = subprocess.run(
        command, env=environment(1), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit((done.stderr.strip().splitlines() or ["the start failed"])[-1])
    return {step: moment - began for step, moment in json.loads(done.stdout).items()}


def _dropped() -> bool:
    os.sync()
    try:
        _DROP_CACHES.write_text("3\n")
    except OSError:
        return False
    return True
