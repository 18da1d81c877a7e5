"""The best faces of a snapshot: candidates are found by little, exact arithmetic decides."""

import numpy as np

from core.types import EmbeddingSpec, Match, Vector
from core.vectors import similarities
from index.arrays import Ids, Mask, Rows
from index.choice import Proposer
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
    delta = snapshot.delta
    found = [_scan(snapshot.spec, query, k, delta.rows, delta.alive)]
    for part in snapshot.segments:
        proposed = _proposed(part, query, k, policy)
        rows = part.segment.rows
        if proposed is None:
            found.append(_scan(snapshot.spec, query, k, rows, part.alive))
        else:
            found.append(_best(snapshot.spec, query, k, rows.take(proposed)))
    return _decided(snapshot.spec, query, k, Rows.joined(found))


def _proposed(part: LiveSegment, query: Vector, k: int, policy: Policy) -> Ids | None:
    """Living rows that were found, at least k of them; None where all are to be compared."""
    finders, count = part.segment.finders, part.segment.count
    if finders is None or part.choice.proposer is Proposer.EXACT:
        return None
    wanted, effort = policy.candidates + 4 * k, 1
    # Where many near ones were removed, those behind them are wanted instead.
    enough = min(part.live, max(k, wanted // 2))
    while wanted < count:
        rows = finders.nearest(query, wanted, part.choice, effort)
        rows = rows[part.alive[rows]]
        if rows.shape[0] >= enough:
            return rows
        # The nearest ones were removed: look further out.
        wanted, effort = wanted * 4, effort * 4
    return None


def _scan(spec: EmbeddingSpec, query: Vector, k: int, rows: Rows, alive: Mask) -> Rows:
    # The dead are scored too: that is cheaper than a copy of the living.
    living = np.flatnonzero(alive)
    scores = _scores(spec, query, rows)[living]
    return rows.take(living[_top(scores, rows.faces[living], k)])


def _best(spec: EmbeddingSpec, query: Vector, k: int, rows: Rows) -> Rows:
    return rows.take(_top(_scores(spec, query, rows), rows.faces, k))


def _scores(spec: EmbeddingSpec, query: Vector, rows: Rows) -> Vector:
    # A damage that is not found yet can make a vector zero or not a number: it scores last.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scores = similarities(query, rows.vectors, spec.similarity)
    scores[np.isnan(scores)] = -1.0
    return scores


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
            float(_scores(spec, query, rows.take(slice(row, row + 1)))[0]),
        )
        for row in range(len(rows))
    ]
    return sorted(matches, key=lambda match: (-match.similarity, match.face_id))[:k]
