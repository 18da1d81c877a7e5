"""Seconds from `make serve`'s processes being started until /readyz says ready."""

import time
from collections.abc import Mapping, Sequence

from benchmarks.speed_gallery import Bench, services_with
from benchmarks.speed_server import EVERYTHING, free_port, started, wait_ready
from core.settings import Settings

_RUNS = 3


def starts(bench: Bench, galleries: Sequence[int]) -> Mapping[int, list[float]]:
    """By the number of enrolled faces; networks, database and index are there, files are cached.

    Some worker answers: the others load the same at the same moment.
    """
    found = {}
    for people in galleries:
        bench.tell(f"enrolling {people:,} faces")
        settings = bench.settings(bench.networks.facenet, f"start-{people}")
        services_with(settings, people).close()
        _start(settings)
        bench.tell(f"starting {_RUNS} times with {people:,} faces")
        found[people] = [_start(settings) for _ in range(_RUNS)]
    return found


def _start(settings: Settings) -> float:
    port = free_port()
    began = time.monotonic()
    with started(EVERYTHING, settings, port) as process:
        wait_ready(port, process)
        return time.monotonic() - began
