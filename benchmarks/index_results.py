"""Rows of the comparison, kept as JSON lines: one file a gallery, a later run replaces."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.index_data import Facts, Shape


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of one engine on one gallery; or, with a `note`, why there is none."""

    engine: str
    version: str
    run: str
    queries: int
    setting: str = ""
    recall: Mapping[str, float] | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    exact_ms: float | None = None
    build_s: float | None = None
    build_threads: int = 1
    build_peak_mb: float | None = None
    disk_mb: float | None = None
    rss_mb: float | None = None
    anon_mb: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """p50 in units of the exact product's in the same process."""
        if self.p50_ms is None or not self.exact_ms:
            return None
        return self.p50_ms / self.exact_ms

    @property
    def mean_recall(self) -> float | None:
        """Over the groups, which are of one size up to one probe."""
        return sum(self.recall.values()) / len(self.recall) if self.recall else None


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the rows: the gallery and the machine."""

    shape: Shape
    facts: Facts
    machine: str


class Results:
    """The results of one gallery in a folder."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._rows = folder / f"index-{shape}.jsonl"
        self._head = folder / f"index-{shape}.json"
        self._queries = shape.queries
        self.table_path = folder / f"index-{shape}.md"

    def add(self, rows: Sequence[Row]) -> None:
        """Append the rows of one run of one engine."""
        self._rows.parent.mkdir(parents=True, exist_ok=True)
        with self._rows.open("a") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)

    def rows(self) -> list[Row]:
        """The rows of each engine's last run, engines in the order they came first.

        Rows measured with another number of probes are left out.
        """
        if not self._rows.is_file():
            return []
        every = [Row(**json.loads(line)) for line in self._rows.read_text().splitlines()]
        every = [row for row in every if row.queries == self._queries]
        last = {row.engine: row.run for row in every}
        kept = [row for row in every if row.run == last[row.engine]]
        order = list(last)
        return sorted(kept, key=lambda row: order.index(row.engine))

    def save_head(self, head: Head) -> None:
        self._head.parent.mkdir(parents=True, exist_ok=True)
        self._head.write_text(json.dumps(asdict(head), indent=1))

    def head(self) -> Head | None:
        """None before the first run."""
        if not self._head.is_file():
            return None
        read = json.loads(self._head.read_text())
        return Head(Shape(**read["shape"]), Facts(**read["facts"]), read["machine"])
