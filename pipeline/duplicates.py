"""Who of the roster looks like somebody else of it: every pair compared, exactly, step by step.

Faces in the order they came are rows and columns of a table whose upper half is worked through:
a block of rows with everybody after them, some columns at a time. A step is bounded in work and
memory, and where it ended is all that the next one needs to know.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.types import EmbeddingSpec, Matrix, Similarity
from core.vectors import similarity_of
from db import face_blocks, faces
from db.changes import Ids
from db.face_blocks import Block
from db.faces import StoredFace
from db.session import Database

ROWS = 2048
COLUMNS = 4096
ROWS_AT_ONCE = 256
"""Where every pair reaches the threshold, each takes memory several times."""
STEP_BLOCKS = 16
"""Of columns: few rows multiply little, but reading takes time too."""
STEP_PRODUCTS = 6_000_000_000
"""Multiplications of one step: some tenths of a second on a core or two."""
MOST_PAIRS = 1000
"""Of one step, and of each part of it; the others are counted."""
# Blocks are multiplied another way than single pairs, and round otherwise.
_SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step begins: rows with seqs in (`after`, `upto`], columns after `column`.

    With `upto` 0, a new block of rows.
    """

    after: int = 0
    upto: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people whose faces look the same."""

    similarity: float
    first: StoredFace
    second: StoredFace

    @property
    def people(self) -> tuple[str, str]:
        """The same for both orders."""
        first, second = sorted([self.first.user_id, self.second.user_id])
        return first, second


@dataclass(frozen=True, slots=True)
class Step:
    """The pairs of one step, most similar first; two people stand here once.

    `omitted` pairs of faces more are not shown. `scanned` of the `total` faces are compared with
    all others; `following` is None at the end.
    """

    pairs: Sequence[Pair]
    omitted: int
    scanned: int
    total: int
    following: Place | None


@dataclass(frozen=True, slots=True)
class _Near:
    """Pairs of faces of different people: `face_ids` (n, 2) and about how similar, (n,)."""

    face_ids: Ids
    scores: Matrix
    omitted: int


class Duplicates:
    """Compares the faces of one space; `threshold` is the least similarity of a pair."""

    def __init__(self, database: Database, spec: EmbeddingSpec, threshold: float) -> None:
        self._database, self._spec, self._threshold = database, spec, threshold

    def steps(self, place: Place | None = None) -> Iterator[Step]:
        """All steps from `place` on."""
        following: Place | None = place or Place()
        while following is not None:
            step = self.step(following)
            yield step
            following = step.following

    def step(self, place: Place) -> Step:
        """The next piece of work; whoever comes or goes meanwhile is in nobody else's way."""
        rows = self._block(place.after, place.upto or None, ROWS)
        if rows is None:
            # Those of the block were all removed, or there is nobody left.
            return self._said([], Place(after=place.upto) if place.upto else None, place.upto)
        upto, column = place.upto or rows.last, max(place.column, place.after)
        if len(rows) == 0:
            return self._said([], Place(after=upto), upto)
        found: list[_Near] = []
        for _ in range(self._columns_a_step(len(rows))):
            columns = self._block(column, None, COLUMNS)
            if columns is None:
                is_last = column <= upto
                return self._said(found, None if is_last else Place(after=upto), upto)
            column = columns.last
            found += self._near(rows, columns)
        return self._said(found, Place(place.after, upto, column), place.after)

    def _block(self, after: int, upto: int | None, limit: int) -> Block | None:
        with self._database.read() as session:
            return face_blocks.block(session, self._spec, after, upto, limit)

    def _columns_a_step(self, rows: int) -> int:
        products = rows * COLUMNS * self._spec.dimensions
        return min(max(1, STEP_PRODUCTS // products), STEP_BLOCKS)

    def _near(self, rows: Block, columns: Block) -> Iterator[_Near]:
        scores = _similarities(rows.vectors, columns.vectors, self._spec.similarity)
        for first in range(0, len(rows), ROWS_AT_ONCE):
            yield self._near_of(rows, columns, scores[first : first + ROWS_AT_ONCE], first)

    def _near_of(self, rows: Block, columns: Block, scores: Matrix, first: int) -> _Near:
        """`scores` are of the rows from `first` on."""
        # Over one axis, because few are found: several times faster than over two.
        flat = np.flatnonzero(scores.reshape(-1) >= self._threshold - _SLACK)
        row, column = np.divmod(flat, scores.shape[1])
        best, row = scores[row, column], row + first
        # Each pair once: a column comes after its row.
        real = (rows.people[row] != columns.people[column]) & (
            rows.seqs[row] < columns.seqs[column]
        )
        row, column, best = row[real], column[real], best[real]
        count = len(row)
        if count > MOST_PAIRS:
            kept = np.argpartition(-best, MOST_PAIRS)[:MOST_PAIRS]
            row, column, best = row[kept], column[kept], best[kept]
        face_ids = np.stack([rows.faces[row], columns.faces[column]], axis=1)
        return _Near(face_ids, best, count - len(best))

    def _said(self, found: Sequence[_Near], following: Place | None, done: int) -> Step:
        pairs, omitted = self._confirmed(found)
        with self._database.read() as session:
            total = faces.count(session, self._spec)
            if following is None:
                return Step(pairs, omitted, total, total, None)
            scanned = face_blocks.count_upto(session, self._spec, done)
        return Step(pairs, omitted, scanned, total, following)

    def _confirmed(self, found: Sequence[_Near]) -> tuple[list[Pair], int]:
        """The database's word on the most similar pairs, and how many more there are."""
        if not found:
            return [], 0
        scores = np.concatenate([near.scores for near in found])
        order = np.argsort(-scores, kind="stable")[:MOST_PAIRS]
        face_ids = np.concatenate([near.face_ids for near in found])[order].tolist()
        with self._database.read() as session:
            asked = sorted({face_id for both in face_ids for face_id in both})
            stored = {face.face_id: face for face in faces.by_ids(session, asked, self._spec)}
        pairs = [self._pair(stored.get(first), stored.get(second)) for first, second in face_ids]
        omitted = sum(near.omitted for near in found) + len(scores) - len(order)
        return best_of_people(pair for pair in pairs if pair is not None), omitted

    def _pair(self, first: StoredFace | None, second: StoredFace | None) -> Pair | None:
        """None where a face is gone by now, or where they are below the threshold after all."""
        if first is None or second is None:
            return None
        similarity = similarity_of(first.vector, second.vector, self._spec.similarity)
        return Pair(similarity, first, second) if similarity >= self._threshold else None


def best_of_people(pairs: Iterable[Pair]) -> list[Pair]:
    """Every two people once, by their most similar faces; most similar first."""
    best: dict[tuple[str, str], Pair] = {}
    for pair in sorted(pairs, key=lambda pair: -pair.similarity):
        best.setdefault(pair.people, pair)
    return list(best.values())


def _similarities(rows: Matrix, columns: Matrix, similarity: Similarity) -> Matrix:
    """Of each row with each column, shape (n, m)."""
    squares = [np.einsum("ij,ij->i", side, side)[:, None] for side in (rows, columns)]
    if similarity is Similarity.COSINE:
        of_rows, of_columns = (np.sqrt(lengths) for lengths in squares)
        cosines: Matrix = (rows / of_rows) @ (columns / of_columns).T
        return cosines
    # 1 - d²/2 in one product, by two more columns: nothing else is done to every pair.
    ones = [np.ones_like(side) for side in squares]
    left = np.hstack([rows, 1 - squares[0] / 2, ones[0]])
    right = np.hstack([columns, ones[1], -squares[1] / 2])
    scores: Matrix = left @ right.T
    return scores
