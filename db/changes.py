"""The log of changes that every index is a replay of: read in batches, as arrays."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt
from sqlalchemy import CompoundSelect, null, select, union_all
from sqlalchemy.orm import Session

from core.types import Change, EmbeddingSpec, FaceAdded, FaceRemoved, Matrix
from core.vectors import LEAST_LENGTH, MOST_LENGTH
from db.gallery import find_spec_id, last_seq
from db.models import Deletion, FaceRow

_log = logging.getLogger(__name__)
# As core.vectors.to_bytes writes it.
_STORED = np.dtype("<f4")
_IDS_AT_ONCE = 10_000
# Fewer than SQLite takes as variables of one statement.
_ASKED_AT_ONCE = 1000
Ids = npt.NDArray[np.int64]
"""Face ids or seqs, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What happened, in order of seq; up to seq `position` that is all."""

    changes: list[Change]
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Live faces: `seqs` (n,), `faces` (n,) and `vectors` (n, d), row by row.

    `position` is the last seq that was looked at; `damaged` are faces without a usable embedding.
    """

    seqs: Ids
    faces: Ids
    vectors: Matrix
    position: int
    damaged: Ids

    def __len__(self) -> int:
        return len(self.faces)

    def added(self) -> Iterator[FaceAdded]:
        """The faces as the changes that brought them."""
        for seq, face_id, vector in zip(self.seqs, self.faces, self.vectors, strict=True):
            yield FaceAdded(int(seq), int(face_id), vector)


def changes_since(session: Session, spec: EmbeddingSpec, seq: int, limit: int) -> Replay:
    """The first `limit` things that happened to the faces of a space after `seq`."""
    space = find_spec_id(session, spec)
    added = select(
        FaceRow.seq.label("seq"), FaceRow.id.label("face_id"), FaceRow.embedding.label("stored")
    ).where(FaceRow.spec_id == space, FaceRow.seq > seq)
    removed = select(Deletion.seq, Deletion.face_id, null()).where(
        Deletion.spec_id == space, Deletion.seq > seq
    )
    both: CompoundSelect[int, int, bytes | None] = union_all(added, removed)
    rows = session.execute(both.order_by("seq").limit(limit)).all()
    # A full batch says nothing of what follows its last change.
    position = rows[-1][0] if len(rows) == limit else last_seq(session)
    added_rows = [(at, face, stored) for at, face, stored in rows if stored is not None]
    gone = [FaceRemoved(at, face) for at, face, stored in rows if stored is None]
    changes: list[Change] = [*_stored(added_rows, spec, position).added(), *gone]
    return Replay(sorted(changes, key=lambda change: change.seq), position)


def live_ids(session: Session, spec: EmbeddingSpec) -> Ids:
    """The ids of all live faces of a space in ascending order, shape (n,)."""
    statement = select(FaceRow.id).where(FaceRow.spec_id == find_spec_id(session, spec))
    # The driver's own rows: SQLAlchemy's take twice the time, which a start waits for.
    cursor = session.connection().execute(statement).cursor
    assert cursor is not None
    rows = chain.from_iterable(iter(lambda: cursor.fetchmany(_IDS_AT_ONCE), []))
    return np.sort(np.fromiter(chain.from_iterable(rows), dtype=np.int64))


def newest_ids(session: Session, spec: EmbeddingSpec, upto: int, limit: int) -> Ids:
    """The `limit` newest live faces of a space with a seq of at most `upto`, shape (n,)."""
    statement = (
        select(FaceRow.id)
        .where(FaceRow.spec_id == find_spec_id(session, spec), FaceRow.seq <= upto)
        .order_by(FaceRow.seq.desc())
        .limit(limit)
    )
    return np.fromiter(session.execute(statement).scalars(), dtype=np.int64)


def stored_after(
    session: Session, spec: EmbeddingSpec, seq: int, upto: int, limit: int
) -> Stored | None:
    """The first `limit` live faces of a space with seq in (seq, upto]; None where there is none."""
    statement = (
        select(FaceRow.seq, FaceRow.id, FaceRow.embedding)
        .where(
            FaceRow.spec_id == find_spec_id(session, spec),
            FaceRow.seq > seq,
            FaceRow.seq <= upto,
        )
        .order_by(FaceRow.seq)
        .limit(limit)
    )
    rows = session.execute(statement).all()
    return _stored(rows, spec, rows[-1][0]) if rows else None


def stored_of(session: Session, spec: EmbeddingSpec, face_ids: Sequence[int]) -> Stored:
    """Those of `face_ids` that live in a space now."""
    space = find_spec_id(session, spec)
    rows: list[tuple[int, int, bytes]] = []
    asked = iter(face_ids)
    while some := list(islice(asked, _ASKED_AT_ONCE)):
        statement = select(FaceRow.seq, FaceRow.id, FaceRow.embedding).where(
            FaceRow.spec_id == space, FaceRow.id.in_(some)
        )
        rows.extend(session.execute(statement))
    return _stored(rows, spec, 0)


def _stored(rows: Sequence[tuple[int, int, bytes]], spec: EmbeddingSpec, position: int) -> Stored:
    length = spec.dimensions * _STORED.itemsize
    whole = [row for row in rows if len(row[2]) == length]
    seqs = np.array([seq for seq, _, _ in whole], dtype=np.int64)
    faces = np.array([face_id for _, face_id, _ in whole], dtype=np.int64)
    vectors = np.frombuffer(b"".join(stored for _, _, stored in whole), dtype=_STORED)
    vectors = vectors.astype(np.float32, copy=False).reshape(-1, spec.dimensions)
    # As core.vectors.checked_vector has it, for all rows at once.
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    usable = (lengths >= LEAST_LENGTH) & (lengths <= MOST_LENGTH)
    if len(whole) == len(rows) and usable.all():
        return Stored(seqs, faces, vectors, position, faces[:0])
    # Damaged ones must not keep the others from use.
    damaged = np.setdiff1d([face_id for _, face_id, _ in rows], faces[usable])
    _log.error("damaged stored embeddings, never matched: faces %s", damaged[:10].tolist())
    return Stored(seqs[usable], faces[usable], vectors[usable], position, damaged)
