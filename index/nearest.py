"""The exact nearest rows of many queries in one pass, for measuring what a search finds."""

from dataclasses import dataclass

import numpy as np

from core.types import Matrix, Similarity
from index.arrays import Ids
from index.progress import OnProgress
from index.projection import comparable

_BLOCK = 20_000
NEAREST = 10


@dataclass(frozen=True, slots=True)
class Nearest:
    """`rows` (m, NEAREST) from the nearest on, and their squared `distances` up to a constant of
    each query. Where there are fewer rows, distances are infinite."""

    rows: Ids
    distances: Matrix


def nearest(
    vectors: Matrix, queries: Matrix, similarity: Similarity, on_progress: OnProgress
) -> Nearest:
    """The nearest of `vectors` (n, d) to each of `queries` (m, d), which are comparable."""
    found = Nearest(
        np.zeros((len(queries), NEAREST), dtype=np.int64),
        np.full((len(queries), NEAREST), np.inf, dtype=np.float32),
    )
    for start in range(0, len(vectors), _BLOCK):
        block = comparable(np.asarray(vectors[start : start + _BLOCK]), similarity)
        # |q - x|² without |q|², which is the same for all rows.
        distances = np.einsum("ij,ij->i", block, block) - 2 * (queries @ block.T)
        _merge(found, distances, start)
        on_progress("comparing", start + len(block), len(vectors))
    return found


def _merge(found: Nearest, distances: Matrix, start: int) -> None:
    """Take into `found` those of a block (m, b) that are nearer than its last."""
    nearer = distances < found.distances[:, -1:]
    for query in np.flatnonzero(nearer.any(axis=1)):
        places = np.flatnonzero(nearer[query])
        rows = np.concatenate([found.rows[query], places + start])
        values = np.concatenate([found.distances[query], distances[query, places]])
        order = np.argsort(values, kind="stable")[:NEAREST]
        found.rows[query], found.distances[query] = rows[order], values[order]
