"""What finds candidates in one segment: a projection, the sketch, and Annoy's trees where it has
them."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from core.types import Similarity, Vector
from index.arrays import Ids
from index.choice import Choice, Proposer
from index.forest import Forest
from index.projection import Projection, comparable
from index.sketch import Sketch

_INSPECTED_PER_ROW = 16
_KEPT_PER_CANDIDATE = 20


@dataclass(frozen=True, slots=True)
class Finders:
    """`forest` is None where there are no trees, or they are not checked yet."""

    similarity: Similarity
    projection: Projection
    sketch: Sketch
    forest: Forest | None

    def nearest(self, query: Vector, wanted: int, choice: Choice, effort: int) -> Ids:
        """About `wanted` rows for `query` (d,), found as chosen with `effort` times the effort."""
        if choice.proposer is Proposer.ANNOY and self.forest is not None:
            return self.by_annoy(query, wanted, choice.search_k * effort)
        return self.by_sketch(query, wanted, min(1.0, choice.share * effort))

    def by_annoy(self, query: Vector, wanted: int, search_k: int) -> Ids:
        """The rows Annoy finds; none where there are no trees.

        In few directions the right one may be far down Annoy's list: more than are wanted are
        taken from it, and compared by all their bits.
        """
        if self.forest is None:
            return np.empty(0, dtype=np.int64)
        whole = comparable(query[None, :], self.similarity)
        short = self.projection.shortened(whole)[0]
        rows = self.forest.nearest(short, max(wanted, search_k // _INSPECTED_PER_ROW), search_k)
        if len(rows) <= wanted:
            return rows
        return self.sketch.nearest_of(rows, self.projection.words(whole)[0], wanted)

    def by_sketch(self, query: Vector, wanted: int, share: float) -> Ids:
        """The rows whose bits are most like the query's: more than `wanted` of a larger share."""
        wanted = max(wanted, int(share * self.sketch.words.shape[0]) // _KEPT_PER_CANDIDATE)
        words = self.projection.words(comparable(query[None, :], self.similarity))[0]
        return self.sketch.nearest(words, wanted, share)

    def with_forest(self, forest: Forest) -> Self:
        return replace(self, forest=forest)
