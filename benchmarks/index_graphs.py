"""Graphs of other libraries: hnswlib and usearch."""

from collections.abc import Iterable
from importlib import import_module

import numpy as np

from benchmarks.index_engine import Job, Setting, add_all, nearest_of
from core.types import Matrix, Vector

_FILE = "graph"


class Hnswlib:
    """16 links, ef_construction 200."""

    package = "hnswlib"
    keeps_vectors = True

    def build(self, job: Job) -> None:
        index = import_module("hnswlib").Index("ip", job.vectors.shape[1])
        index.init_index(max_elements=len(job.vectors), M=16, ef_construction=200)
        add_all(job, lambda _, rows: index.add_items(rows, num_threads=job.threads))
        index.save_index(str(job.folder / _FILE))

    def open(self, job: Job) -> Iterable[Setting]:
        index = import_module("hnswlib").Index("ip", job.vectors.shape[1])
        index.load_index(str(job.folder / _FILE))
        for effort in (16, 64, 256, 1024):

            def search(query: Vector, effort: int = effort) -> int:
                index.set_ef(effort)
                return int(index.knn_query(query, k=1, num_threads=1)[0][0, 0])

            yield Setting(f"ef {effort}", search)


class Usearch:
    """Its default graph, of float32 or of 8-bit numbers; the file is mapped, not read.

    Of 8-bit numbers the best ten are compared exactly.
    """

    package = "usearch"

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._wanted = 1 if kind == "f32" else 10
        self.keeps_vectors = kind == "f32"

    def build(self, job: Job) -> None:
        library = import_module("usearch.index")
        index = library.Index(ndim=job.vectors.shape[1], metric="cos", dtype=self._kind)

        def add(first: int, rows: Matrix) -> None:
            index.add(np.arange(first, first + len(rows)), rows, threads=job.threads)

        add_all(job, add)
        index.save(str(job.folder / _FILE))

    def open(self, job: Job) -> Iterable[Setting]:
        index = import_module("usearch.index").Index.restore(str(job.folder / _FILE), view=True)
        for effort in (64, 256, 1024):

            def search(query: Vector, effort: int = effort) -> int:
                index.expansion_search = effort
                found = index.search(query, self._wanted, threads=1).keys.astype(np.int64)
                if self._wanted > 1:
                    return nearest_of(query, found, job.vectors)
                return int(found[0]) if len(found) else -1

            yield Setting(f"expansion {effort}", search)
