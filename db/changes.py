"""The log of changes that every index is a replay of: read in batches, as arrays."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, LargeBinary, Row, Select, desc, null, select, type_coerce
from sqlalchemy.orm import Session

from core.types import Change, EmbeddingSpec, FaceAdded, FaceRemoved, Matrix
from core.vectors import LEAST_LENGTH, MOST_LENGTH
from db.gallery import find_spec_id, last_seq
from db.in_space import TABLES, Table, both, face_id_in, ids, is_in
from db.models import Deletion

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
    # Of whatever space a removed face was: where it lived in another one, it lived here too.
    nothing: ColumnElement[bytes | None] = type_coerce(null(), LargeBinary)
    removed = select(Deletion.seq, Deletion.face_id, nothing).where(Deletion.seq > seq)
    added = [_rows(table).where(is_in(table, space), table.seq > seq) for table in TABLES]
    all_of_them = both(*added, removed)
    rows = session.execute(all_of_them.order_by("seq").limit(limit)).all()
    # A full batch says nothing of what follows its last change.
    position = rows[-1][0] if len(rows) == limit else last_seq(session)
    added_rows = _with_embedding(rows)
    gone = [FaceRemoved(at, face) for at, face, stored in rows if stored is None]
    changes: list[Change] = [*_stored(added_rows, spec, position).added(), *gone]
    return Replay(sorted(changes, key=lambda change: change.seq), position)


def live_ids(session: Session, spec: EmbeddingSpec) -> Ids:
    """The ids of all live faces of a space in ascending order, shape (n,)."""
    statement = ids(find_spec_id(session, spec))
    # The driver's own rows: SQLAlchemy's take twice the time, which a start waits for.
    cursor = session.connection().execute(statement).cursor
    assert cursor is not None
    rows = chain.from_iterable(iter(lambda: cursor.fetchmany(_IDS_AT_ONCE), []))
    return np.sort(np.fromiter(chain.from_iterable(rows), dtype=np.int64))


def newest_ids(session: Session, spec: EmbeddingSpec, upto: int, limit: int) -> Ids:
    """The `limit` newest live faces of a space with a seq of at most `upto`, shape (n,)."""
    space = find_spec_id(session, spec)
    found = both(
        *(
            select(face_id_in(table).label("face_id"), table.seq.label("seq")).where(
                is_in(table, space), table.seq <= upto
            )
            for table in TABLES
        )
    )
    newest = session.execute(found.order_by(desc("seq")).limit(limit))
    return np.fromiter((face_id for face_id, _ in newest), dtype=np.int64)


def stored_after(
    session: Session, spec: EmbeddingSpec, seq: int, upto: int, limit: int
) -> Stored | None:
    """The first `limit` live faces of a space with seq in (seq, upto]; None where there is none."""
    space = find_spec_id(session, spec)
    found = both(
        *(
            _rows(table).where(is_in(table, space), table.seq > seq, table.seq <= upto)
            for table in TABLES
        )
    )
    rows = session.execute(found.order_by("seq").limit(limit)).all()
    return _stored(_with_embedding(rows), spec, rows[-1][0]) if rows else None


def stored_of(session: Session, spec: EmbeddingSpec, face_ids: Sequence[int]) -> Stored:
    """Those of `face_ids` that live in a space now."""
    space = find_spec_id(session, spec)
    rows: list[tuple[int, int, bytes]] = []
    asked = iter(face_ids)
    while some := list(islice(asked, _ASKED_AT_ONCE)):
        for table in TABLES:
            statement = _rows(table).where(is_in(table, space), face_id_in(table).in_(some))
            rows += _with_embedding(session.execute(statement).all())
    return _stored(rows, spec, 0)


def has_more(session: Session, spec: EmbeddingSpec, seq: int, than: int) -> bool:
    """Whether more happened after `seq` than so many things, in this space alone."""
    space = find_spec_id(session, spec)
    seqs = [select(table.seq).where(is_in(table, space), table.seq > seq) for table in TABLES]
    happened = both(*seqs, select(Deletion.seq).where(Deletion.seq > seq)).limit(than + 1)
    return len(session.execute(happened).all()) > than


def _rows(table: Table) -> Select[int, int, bytes | None]:
    stored: ColumnElement[bytes | None] = type_coerce(table.embedding, LargeBinary)
    return select(table.seq.label("seq"), face_id_in(table).label("face_id"), stored)


def _with_embedding(rows: Sequence[Row[int, int, bytes | None]]) -> list[tuple[int, int, bytes]]:
    return [(at, face_id, stored) for at, face_id, stored in rows if stored is not None]


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
