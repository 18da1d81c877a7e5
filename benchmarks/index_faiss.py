"""FAISS: scans of quantized vectors, inverted lists and a graph."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.index_engine import Job, Setting, add_all, nearest_of, rotation
from core.types import Vector

_FILE = "index.faiss"
_TRAINED_ON = 100_000
_POINTS_A_LIST = 50
"""Rows a list's center is trained on; FAISS takes 256, which would take most of the build."""


def _faiss() -> Any:
    return import_module("faiss")


def _add(index: Any, job: Job) -> None:
    add_all(job, lambda _, rows: index.add(np.ascontiguousarray(rows)))
    _faiss().write_index(index, str(job.folder / _FILE))


def _best(index: Any, query: Vector) -> int:
    return int(index.search(query[None], 1)[1][0, 0])


class RaBitQ:
    """One bit a dimension after a rotation; all rows scanned, the best compared exactly."""

    package = "faiss-cpu"
    keeps_vectors = False

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def build(self, job: Job) -> None:
        faiss, dim = _faiss(), job.vectors.shape[1]
        faiss.omp_set_num_threads(job.threads)
        key = f"RR{dim},{self._kind}"
        index = faiss.index_factory(dim, key, faiss.METRIC_INNER_PRODUCT)
        index.train(np.array(job.vectors[:_TRAINED_ON]))
        _add(index, job)

    def open(self, job: Job) -> Iterable[Setting]:
        index = _faiss().read_index(str(job.folder / _FILE))
        for wanted in (10, 100, 1000):

            def search(query: Vector, wanted: int = wanted) -> int:
                return nearest_of(query, index.search(query[None], wanted)[1][0], job.vectors)

            yield Setting(f"re-score {wanted}", search)


class Lists:
    """Inverted lists of full vectors, 4√n of them."""

    package = "faiss-cpu"
    keeps_vectors = True

    def build(self, job: Job) -> None:
        faiss, dim = _faiss(), job.vectors.shape[1]
        faiss.omp_set_num_threads(job.threads)
        lists = int(4 * np.sqrt(len(job.vectors)))
        index = faiss.index_factory(dim, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.max_points_per_centroid = 10, _POINTS_A_LIST
        job.tell(f"training {lists} lists")
        step = max(1, len(job.vectors) // (lists * _POINTS_A_LIST))
        index.train(np.ascontiguousarray(job.vectors[::step]))
        _add(index, job)

    def open(self, job: Job) -> Iterable[Setting]:
        index = _faiss().read_index(str(job.folder / _FILE))
        for probed in (1, 4, 16, 64, 256):

            def search(query: Vector, probed: int = probed) -> int:
                index.nprobe = probed
                return _best(index, query)

            yield Setting(f"nprobe {probed}", search)


class Graph:
    """HNSW with 32 links."""

    package = "faiss-cpu"
    keeps_vectors = True

    def build(self, job: Job) -> None:
        faiss = _faiss()
        faiss.omp_set_num_threads(job.threads)
        index = faiss.IndexHNSWFlat(job.vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        _add(index, job)

    def open(self, job: Job) -> Iterable[Setting]:
        index = _faiss().read_index(str(job.folder / _FILE))
        for effort in (16, 64, 256, 1024):

            def search(query: Vector, effort: int = effort) -> int:
                index.hnsw.efSearch = effort
                return _best(index, query)

            yield Setting(f"efSearch {effort}", search)


class Bits:
    """Sign bits of random directions, all scanned by Hamming distance, the best compared."""

    package = "faiss-cpu"
    keeps_vectors = False

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def build(self, job: Job) -> None:
        faiss = _faiss()
        faiss.omp_set_num_threads(job.threads)
        axes = rotation(job.vectors.shape[1], self._bits)
        index = faiss.IndexBinaryFlat(self._bits)
        add_all(job, lambda _, rows: index.add(np.packbits(rows @ axes > 0, axis=1)))
        faiss.write_index_binary(index, str(job.folder / _FILE))

    def open(self, job: Job) -> Iterable[Setting]:
        axes = rotation(job.vectors.shape[1], self._bits)
        index = _faiss().read_index_binary(str(job.folder / _FILE))
        for wanted in (50, 200, 1000, 5000):

            def search(query: Vector, wanted: int = min(wanted, index.ntotal)) -> int:
                probe = np.packbits(query @ axes > 0)[None]
                return nearest_of(query, index.search(probe, wanted)[1][0], job.vectors)

            yield Setting(f"re-score {wanted}", search)
