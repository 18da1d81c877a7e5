"""Annoy as it comes, and on fewer dimensions with the candidates compared exactly."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.index_engine import Job, Setting, add_all, nearest_of, principal_axes
from core.types import Matrix, Vector

_SEARCH_K = (1_000, 5_000, 20_000, 80_000)
_RESCORED = 200
_SEED = 1042
_FILE = "trees.ann"


def _empty(dim: int) -> Any:
    return import_module("annoy").AnnoyIndex(dim, "angular")


def _build(job: Job, axes: Matrix | None, trees: int) -> None:
    index = _empty(job.vectors.shape[1] if axes is None else axes.shape[1])
    index.set_seed(_SEED)

    def add(first: int, rows: Matrix) -> None:
        for row, vector in enumerate(rows if axes is None else rows @ axes):
            index.add_item(first + row, vector.tolist())

    add_all(job, add)
    job.tell(f"all added, building {trees} trees")
    index.build(trees, job.threads)
    index.save(str(job.folder / _FILE))


class Annoy:
    """50 trees on all dimensions; the nearest one that Annoy gives."""

    package = "annoy"
    keeps_vectors = True

    def build(self, job: Job) -> None:
        _build(job, None, 50)

    def open(self, job: Job) -> Iterable[Setting]:
        index = _empty(job.vectors.shape[1])
        index.load(str(job.folder / _FILE))
        for search_k in _SEARCH_K:

            def search(query: Vector, search_k: int = search_k) -> int:
                found = index.get_nns_by_vector(query.tolist(), 1, search_k)
                return int(found[0]) if found else -1

            yield Setting(f"search_k {search_k}", search)


class ProjectedAnnoy:
    """Trees on the principal axes; 200 candidates compared exactly."""

    package = "annoy"
    keeps_vectors = False

    def __init__(self, dim: int, trees: int) -> None:
        self._dim, self._trees = dim, trees

    def build(self, job: Job) -> None:
        axes = principal_axes(job.vectors, self._dim)
        np.save(job.folder / "axes.npy", axes)
        _build(job, axes, self._trees)

    def open(self, job: Job) -> Iterable[Setting]:
        axes = np.load(job.folder / "axes.npy")
        index = _empty(axes.shape[1])
        index.load(str(job.folder / _FILE))
        for search_k in _SEARCH_K:

            def search(query: Vector, search_k: int = search_k) -> int:
                probe = (query @ axes).tolist()
                found = index.get_nns_by_vector(probe, _RESCORED, search_k)
                return nearest_of(query, np.array(found, dtype=np.int64), job.vectors)

            yield Setting(f"search_k {search_k}", search)
