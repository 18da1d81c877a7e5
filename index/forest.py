"""Annoy's trees over the shortened embeddings of a segment. The only file that knows Annoy.

Annoy's file says neither its metric nor its dimension, has no checksum, and crashes the process
when it was cut: it is opened only after its checksum was compared.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from annoy import AnnoyIndex

from core.types import Matrix, Vector
from index.arrays import Ids

_SEED = 1042
# Of centered vectors, distances order as the similarities do, of unit or of any length.
_METRIC: Literal["euclidean"] = "euclidean"


class Forest:
    """Open trees over `count` rows of `dimensions`; for any number of threads."""

    def __init__(self, path: Path, dimensions: int, count: int) -> None:
        """Map the file; raises ValueError or OSError where it is not one of `count` rows."""
        self._trees = AnnoyIndex(dimensions, _METRIC)
        self._trees.load(str(path))
        if self._trees.get_n_items() != count:
            raise ValueError("the trees are of another segment")

    def nearest(self, query: Vector, wanted: int, search_k: int) -> Ids:
        """The `wanted` nearest rows of the `search_k` that are inspected, nearest first."""
        rows = self._trees.get_nns_by_vector(query.tolist(), wanted, search_k)
        return np.array(rows, dtype=np.int64)


def plant(path: Path, blocks: Iterable[Matrix], trees: int, threads: int) -> None:
    """Build `trees` over the rows of `blocks` (m, p) into `path`; OSError where it does not fit.

    `blocks` are not empty.
    """
    index: AnnoyIndex | None = None
    row = 0
    for block in blocks:
        if index is None:
            index = AnnoyIndex(block.shape[1], _METRIC)
            index.set_seed(_SEED)
        # Lists: Annoy reads the numbers of an array one boxed scalar at a time.
        for vector in block.tolist():
            index.add_item(row, vector)
            row += 1
    if index is None:
        raise ValueError("a forest needs rows")
    index.build(trees, threads)
    index.save(str(path))
