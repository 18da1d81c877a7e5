"""What every engine of the comparison can do, and what several of them share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.index_data import blocks
from core.types import Matrix, Vector
from index.arrays import Ids

Tell = Callable[[str], None]
"""Hears how far a build is, so that one stopped by its time limit says what it reached."""
Search = Callable[[Vector], int]
"""The row nearest to a probe of unit length."""


@dataclass(frozen=True, slots=True)
class Job:
    """Vectors (n, d) of unit length, and the folder of their index."""

    vectors: Matrix
    folder: Path
    threads: int
    tell: Tell


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of an engine's curve."""

    label: str
    search: Search


class Engine(Protocol):
    """Built in one process and searched in another."""

    package: str
    """The distribution it comes from."""
    keeps_vectors: bool
    """Whether its own file is enough; else it compares candidates with the float32 vectors."""

    def build(self, job: Job) -> None:
        """Leave an index of the vectors in the empty folder."""

    def open(self, job: Job) -> Iterable[Setting]:
        """Open that index; its settings from the fastest to the most careful."""


def nearest_of(query: Vector, candidates: Ids, vectors: Matrix) -> int:
    """The candidate row with the largest product; -1 where there is none."""
    rows = candidates[candidates >= 0]
    return int(rows[(vectors[rows] @ query).argmax()]) if len(rows) else -1


def add_all(job: Job, add: Callable[[int, Matrix], None]) -> None:
    """Give `add` the vectors block by block, with the row each block begins at."""
    for first, rows in blocks(job.vectors):
        add(first, rows)
        job.tell(f"{first + len(rows)} of {len(job.vectors)} vectors added")


def principal_axes(vectors: Matrix, dim: int, sample: int = 50_000) -> Matrix:
    """The `dim` directions (d, dim) that keep most of the rows' products, from a sample."""
    step = max(1, len(vectors) // sample)
    rows = vectors[::step]
    _, axes = np.linalg.eigh(rows.T @ rows)
    kept: Matrix = np.ascontiguousarray(axes[:, ::-1][:, :dim], dtype=np.float32)
    return kept


def rotation(dim: int, bits: int, seed: int = 7) -> Matrix:
    """Random directions (d, bits), at right angles to each other as far as there is room."""
    drawn = np.random.default_rng(seed).standard_normal((dim, bits))
    turned: Matrix = (np.linalg.qr(drawn)[0] if bits <= dim else drawn).astype(np.float32)
    return turned
