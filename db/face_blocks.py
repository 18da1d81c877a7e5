"""Faces of a space with their people, as arrays: what is compared with what, a block at a time."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.types import EmbeddingSpec, Matrix
from core.vectors import LEAST_LENGTH, MOST_LENGTH
from db.changes import Ids
from db.gallery import find_spec_id
from db.in_space import TABLES, both, embedding_in, face_id_in, is_in, numbers
from db.models import FaceRow
from db.space_models import EmbeddingRow

_STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`seqs`, `faces`, `people` (n,) and `vectors` (n, d), row by row in order of seq.

    `last` is the last seq that was looked at: a damaged embedding is in no row.
    """

    seqs: Ids
    faces: Ids
    people: Ids
    vectors: Matrix
    last: int

    def __len__(self) -> int:
        return len(self.faces)


def block(
    session: Session, spec: EmbeddingSpec, after: int, upto: int | None, limit: int
) -> Block | None:
    """The first `limit` faces with seq in (after, upto]; None where there is none."""
    space = find_spec_id(session, spec)
    found = []
    for table in TABLES:
        rows_of = select(
            table.seq.label("seq"), face_id_in(table), FaceRow.person_id, embedding_in(table)
        ).where(is_in(table, space), table.seq > after)
        if table is EmbeddingRow:
            rows_of = rows_of.join(FaceRow, FaceRow.id == EmbeddingRow.face_id)
        found.append(rows_of if upto is None else rows_of.where(table.seq <= upto))
    statement = both(*found).order_by("seq").limit(limit)
    # The driver's own rows: SQLAlchemy's take several times the time.
    cursor = session.connection().execute(statement).cursor
    assert cursor is not None
    rows = cursor.fetchall()
    if not rows:
        return None
    length = spec.dimensions * _STORED.itemsize
    whole = [row for row in rows if len(row[3]) == length]
    numbers = np.array([row[:3] for row in whole], dtype=np.int64).reshape(-1, 3)
    vectors = np.frombuffer(b"".join(row[3] for row in whole), dtype=_STORED)
    vectors = vectors.astype(np.float32, copy=False).reshape(-1, spec.dimensions)
    # As core.vectors.checked_vector has it; whoever reads a damaged one by itself says so.
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    usable = (lengths >= LEAST_LENGTH) & (lengths <= MOST_LENGTH)
    seqs, faces, people = numbers[usable].T
    return Block(seqs, faces, people, vectors[usable], int(rows[-1][0]))


def count_upto(session: Session, spec: EmbeddingSpec, upto: int) -> int:
    """How many faces have a seq of at most `upto`."""
    return numbers(session, find_spec_id(session, spec), upto)
