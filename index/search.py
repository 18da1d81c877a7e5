"""The best faces of a snapshot: Annoy proposes, exact arithmetic decides."""

import numpy as np

from core.types import EmbeddingSpec, Match, Vector
from core.vectors import similarities
from index.arrays import Ids, Mask, Rows
from index.policy import Policy
from index.snapshot import LiveSegment, Snapshot

_ROUNDING = 1e-5
"""More than float32 loses in one similarity: closer ones are compared again, one by one."""
_TIES = 32


def search(snapshot: Snapshot, query: Vector, k: int, policy: Policy) -> list[Match]:
    """The best `k` live faces, by similarity, then face id; all of them where there are fewer.

    `query` is a checked vector (d,).
    """
    if k < 1 or snapshot.live == 0:
        return []
    exact = snapshot.live <= policy.exact_below
    delta = snapshot.delta
    found = [_scan(snapshot.spec, query, k, delta.rows, delta.alive)]
    for part in snapshot.segments:
        proposed = None if exact else _proposed(part, query, k, policy)
        rows = part.segment.rows
        if proposed is None:
            found.append(_scan(snapshot.spec, query, k, rows, part.alive))
        else:
            found.append(_best(snapshot.spec, query, k, rows.take(proposed)))
    return _decided(snapshot.spec, query, k, Rows.joined(found))


def _proposed(part: LiveSegment, query: Vector, k: int, policy: Policy) -> Ids | None:
    """Living rows that Annoy proposes, at least k of them; None where it cannot propose enough."""
    count = part.segment.count
    wanted = 2 * k + 16
    while wanted < count:
        rows = part.segment.nearest(query, wanted, policy.search_k(count, wanted))
        rows = rows[part.alive[rows]]
        if rows.shape[0] >= min(k, part.live):
            return rows
        # The nearest ones were removed: look further out.
        wanted *= 4
    return None


def _scan(spec: EmbeddingSpec, query: Vector, k: int, rows: Rows, alive: Mask) -> Rows:
    # The dead are scored too: that is cheaper than a copy of the living.
    living = np.flatnonzero(alive)
    scores = similarities(query, rows.vectors, spec.similarity)[living]
    return rows.take(living[_top(scores, rows.faces[living], k)])


def _best(spec: EmbeddingSpec, query: Vector, k: int, rows: Rows) -> Rows:
    return rows.take(_top(similarities(query, rows.vectors, spec.similarity), rows.faces, k))


def _top(scores: Vector, faces: Ids, k: int) -> Ids:
    """Places of the best k and of those too close to the k-th to tell."""
    if scores.shape[0] <= k:
        return np.arange(scores.shape[0])
    least = np.partition(scores, -k)[-k] - _ROUNDING
    close = np.flatnonzero(scores >= least)
    order = np.lexsort((faces[close], -scores[close]))
    return close[order[: k + _TIES]]


def _decided(spec: EmbeddingSpec, query: Vector, k: int, rows: Rows) -> list[Match]:
    # One row at a time: in a product of many rows a face's last digit depends on its neighbors,
    # so the same face would score differently in the delta and in a segment.
    matches = [
        Match(
            int(rows.faces[row]),
            float(similarities(query, rows.vectors[row : row + 1], spec.similarity)[0]),
        )
        for row in range(len(rows))
    ]
    return sorted(matches, key=lambda match: (-match.similarity, match.face_id))[:k]
