"""The faces of a space as a log for readers who keep a copy: who came, who went, who is renamed.

A face stands in it at its own seq, or at that of its person's new name where that came later.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    and_,
    exists,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from core.types import EmbeddingSpec
from db.gallery import find_spec_id, last_seq
from db.in_space import TABLES, Table
from db.models import Deletion, FaceRow, User
from db.space_models import EmbeddingRow


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a reader is: behind this face of this seq. One name may be of several faces."""

    seq: int
    face_id: int = 0


START = Place(0)


@dataclass(frozen=True, slots=True)
class Held:
    """A live face as readers hold it; `embedding` is as stored, None where there is none."""

    place: Place
    user_id: str
    name: str | None
    embedding: bytes | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A face that was removed."""

    place: Place


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between a reader's place and `upto`; `complete`: nothing follows by now."""

    changes: list[Held | Gone]
    upto: Place
    complete: bool


_Row = tuple[int, int, str, str | None, bytes | None]


def span(session: Session, space: EmbeddingSpec, *, after: Place, born: int, limit: int) -> Span:
    """The first `limit` changes of a space after a place, in order.

    Removals up to seq `born` are left out: whoever began to read then has never seen those faces.
    """
    streams = [_gone(session, max(after.seq, born), limit + 1)]
    for table in TABLES:
        for held in (_came, _renamed):
            statement = held(session, space, table, after)
            streams.append(_held(session, statement.limit(limit + 1)))
    merged = heapq.merge(*streams, key=attrgetter("place"))
    changes = list(islice(merged, limit + 1))
    if len(changes) > limit:
        return Span(changes[:limit], changes[limit - 1].place, complete=False)
    places = [change.place for change in changes]
    return Span(changes, max(after, Place(last_seq(session)), *places), complete=True)


def _held(session: Session, statement: Select[*_Row]) -> Iterator[Held | Gone]:
    for seq, face_id, user_id, name, stored in session.execute(statement):
        yield Held(Place(seq, face_id), user_id, name, stored)


def _came(session: Session, space: EmbeddingSpec, kept: Table, after: Place) -> Select[*_Row]:
    """Faces whose place is that at which they came."""
    unnamed_since = or_(User.name_seq.is_(None), User.name_seq < kept.seq)
    found = select(kept.seq, FaceRow.id, User.user_id, User.name, kept.embedding)
    joined = found.join(User, User.id == FaceRow.person_id)
    if kept is EmbeddingRow:
        joined = joined.join(EmbeddingRow, EmbeddingRow.face_id == FaceRow.id)
    in_space = kept.spec_id == find_spec_id(session, space)
    return joined.where(in_space, kept.seq > after.seq, unnamed_since).order_by(kept.seq)


def _renamed(session: Session, space: EmbeddingSpec, table: Table, after: Place) -> Select[*_Row]:
    """Faces whose person has got another name since.

    Written so that SQLite, which knows nothing of how many are in a space, begins with the few
    people: their faces are looked at one by one.
    """
    seq = type_coerce(User.name_seq, Integer)
    space_id = find_spec_id(session, space)
    later = or_(seq > after.seq, and_(seq == after.seq, FaceRow.id > after.face_id))
    embedding: ColumnElement[bytes | None]
    if table is FaceRow:
        kept = and_(FaceRow.spec_id + 0 == space_id, FaceRow.seq < seq)
        embedding = type_coerce(FaceRow.embedding, LargeBinary)
    else:
        row = and_(EmbeddingRow.face_id == FaceRow.id, EmbeddingRow.spec_id == space_id)
        kept = exists().where(row, EmbeddingRow.seq < seq)
        embedding = select(EmbeddingRow.embedding).where(row).scalar_subquery()
    return (
        select(seq, FaceRow.id, User.user_id, User.name, embedding)
        .join(FaceRow, FaceRow.person_id == User.id)
        .where(User.name_seq >= after.seq, later, kept)
        .order_by(User.name_seq, FaceRow.id)
    )


def _gone(session: Session, after_seq: int, limit: int) -> Iterator[Held | Gone]:
    """Removed faces of whatever space: where they lived in another one, they lived here too."""
    statement = (
        select(Deletion.seq, Deletion.face_id)
        .where(Deletion.seq > after_seq)
        .order_by(Deletion.seq)
        .limit(limit)
    )
    for seq, face_id in session.execute(statement):
        yield Gone(Place(seq, face_id))
