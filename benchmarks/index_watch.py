"""How long searches take while something else goes on."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.index_tables import markdown
from core.types import Matrix
from index import FaceIndex


@dataclass(frozen=True, slots=True)
class Phase:
    """What was measured while `name` was going on; milliseconds, `found` a share of the probes.

    `refresh_max_ms` is the longest a search waited before it, for a newer index to be opened.
    """

    name: str
    seconds: float
    searches: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    refresh_max_ms: float
    found: float
    peak_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """An index somebody searches, with its probes and their exact best faces."""

    index: FaceIndex
    queries: Matrix
    best: Sequence[int]
    pause_s: float

    def during(self, name: str, goes_on: Callable[[], bool]) -> Phase:
        """Search one probe after another, as a service does, for as long as it goes on."""
        refreshed: list[float] = []
        searched: list[float] = []
        right: list[bool] = []
        start = time.perf_counter()
        while goes_on() or not searched:
            place = len(searched) % len(self.queries)
            began = time.perf_counter()
            self.index.refresh()
            ready = time.perf_counter()
            matches = self.index.search(self.queries[place], 1)
            searched.append(1000 * (time.perf_counter() - ready))
            refreshed.append(1000 * (ready - began))
            right.append(bool(matches) and matches[0].face_id == self.best[place])
            time.sleep(self.pause_s)
        p50, p99 = np.percentile(searched, [50, 99])
        return Phase(
            name=name,
            seconds=time.perf_counter() - start,
            searches=len(searched),
            p50_ms=float(p50),
            p99_ms=float(p99),
            max_ms=max(searched),
            refresh_max_ms=max(refreshed),
            found=sum(right) / len(right),
        )


def for_seconds(seconds: float) -> Callable[[], bool]:
    """True until they have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def while_running(child: "subprocess.Popen[str]") -> Callable[[], bool]:
    """True until the child has ended."""
    return lambda: child.poll() is None


def phases_table(phases: Sequence[Phase]) -> list[str]:
    """A Markdown table; the first phase is the idle one that the others are compared with."""
    names = [
        *("phase", "seconds", "searches", "p50 ms", "p99 ms", "max ms", "p99 / idle"),
        *("longest refresh ms", "found", "builder's peak MB"),
    ]
    rows = [
        [
            phase.name,
            f"{phase.seconds:.1f}",
            f"{phase.searches}",
            *(f"{value:.2f}" for value in (phase.p50_ms, phase.p99_ms, phase.max_ms)),
            f"{phase.p99_ms / phases[0].p99_ms:.2f}",
            f"{phase.refresh_max_ms:.2f}",
            f"{phase.found:.3f}",
            "–" if phase.peak_mb is None else f"{phase.peak_mb:.0f}",
        ]
        for phase in phases
    ]
    return markdown(names, rows)
