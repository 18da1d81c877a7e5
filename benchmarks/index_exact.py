"""The exact search everything is measured against: one product of float32 numbers."""

from collections.abc import Iterable

import numpy as np

from benchmarks.index_engine import Job, Setting
from core.types import Vector


class Exact:
    """`vectors @ query`, over a copy in memory or over the mapped file."""

    package = "numpy"
    keeps_vectors = False

    def __init__(self, in_memory: bool) -> None:
        self._in_memory = in_memory

    def build(self, job: Job) -> None:
        """Nothing to build."""

    def open(self, job: Job) -> Iterable[Setting]:
        rows = np.array(job.vectors) if self._in_memory else job.vectors

        def search(query: Vector) -> int:
            return int((rows @ query).argmax())

        yield Setting("", search)
