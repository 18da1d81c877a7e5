"""Queries with a known answer, made of a segment's own faces: what its recall is measured by."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.types import Matrix, Similarity
from index.arrays import Ids, Mask
from index.nearest import NEAREST, nearest
from index.progress import OnProgress
from index.projection import comparable

CORRELATIONS = (0.6, 0.6, 0.7, 0.8)
"""Of made-up photos with the faces they are made of, from hard to plain."""
_SEED = 1042
_POOL = 20_000
_MIXED = 64
_LEAD = 0.1
"""Of the variance: 0.05 of similarity where faces are spread over all directions."""
_ENOUGH = 0.25
_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Probes:
    """Queries (m, d), comparable, and the row that is the answer to each (m,)."""

    queries: Matrix
    best: Ids

    def those(self, chosen: Mask) -> Self:
        return type(self)(self.queries[chosen], self.best[chosen])

    @property
    def count(self) -> int:
        return len(self.best)


def probes(vectors: Matrix, similarity: Similarity, count: int, on_progress: OnProgress) -> Probes:
    """Up to `count` probes of the rows (n, d), with answers found exactly.

    Where people have several faces, a face is the probe for another one of its person. Where they
    have not, a photo is made up: a face mixed with differences as they are between faces, so that
    it lies where embeddings lie. What nobody would be named for, since other faces are as near,
    does not count, unless nearly all is so.
    """
    random = np.random.default_rng(_SEED)
    pool = np.sort(random.choice(len(vectors), min(_POOL, len(vectors)), replace=False))
    sample = comparable(np.asarray(vectors[pool]), similarity)
    own = random.choice(len(pool), min(count, len(pool)), replace=False)
    queries = comparable(np.vstack([sample[own], _made_up(sample, own, random)]), similarity)
    found = nearest(vectors, queries, similarity, on_progress)
    lead = _LEAD * float(sample.var(axis=0).sum())
    if len(vectors) > NEAREST:
        rows, distances = found.rows[: len(own)], found.distances[: len(own)]
        # The nearest of an enrolled face is itself; the next is of the same person where it is
        # much nearer than the crowd.
        alike = distances[:, NEAREST - 1] - distances[:, 1] > 3 * lead
        if np.mean(alike) >= _ENOUGH:
            return Probes(queries[: len(own)], rows[:, 1]).those(alike)
    rows, distances = found.rows[len(own) :], found.distances[len(own) :]
    made_up = Probes(queries[len(own) :], rows[:, 0])
    right = (made_up.best == pool[own]) & (distances[:, 1] > distances[:, 0] + lead)
    return made_up.those(right) if np.mean(right) >= _LEAST else made_up


def _made_up(sample: Matrix, own: Ids, random: np.random.Generator) -> Matrix:
    mean = sample.mean(axis=0)
    weights = random.standard_normal((len(own), _MIXED)).astype(np.float32) / np.sqrt(_MIXED)
    others = random.integers(0, len(sample), (len(own), _MIXED))
    noise = np.stack([w @ (sample[rows] - mean) for w, rows in zip(weights, others, strict=True)])
    share = np.resize(CORRELATIONS, len(own)).astype(np.float32)[:, None]
    mixed = mean + share * (sample[own] - mean) + np.sqrt(1 - share**2) * noise
    return np.asarray(mixed, dtype=np.float32)
