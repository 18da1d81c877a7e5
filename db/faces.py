"""Enrolled faces and whose they are."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from core.errors import ModelError, NotFound
from core.types import EmbeddingSpec, Vector
from core.vectors import checked_vector, from_bytes, to_bytes
from db.gallery import id_of_spec, next_seq, spec_id
from db.in_space import TABLES, Table, both, embedding_in, face_id_in, is_in, numbers
from db.models import Deletion, FaceRow, PhotoRow, Spec, User
from db.space_models import EmbeddingRow

_log = logging.getLogger(__name__)
_Found = Row[int, str, bytes] | tuple[int, str, bytes]
# Fewer than SQLite takes as variables of one statement.
_ASKED_AT_ONCE = 1000


def _with_owners(table: Table) -> Select[int, str, bytes]:
    found = select(face_id_in(table).label("face_id"), User.user_id, embedding_in(table))
    if table is EmbeddingRow:
        found = found.join(FaceRow, FaceRow.id == EmbeddingRow.face_id)
    return found.join(User, User.id == FaceRow.person_id)


_OF_DIGEST = select(Spec.id).where(Spec.digest == bindparam("digest")).scalar_subquery()
_ASKED: BindParameter[int] = bindparam("face_ids", expanding=True)
_BY_IDS = both(
    *(
        _with_owners(table).where(face_id_in(table).in_(_ASKED), is_in(table, _OF_DIGEST))
        for table in TABLES
    )
).order_by("face_id")


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A live face with its owner, as the database has it at this moment."""

    face_id: int
    user_id: str
    vector: Vector


def add(
    session: Session,
    person: User,
    spec: EmbeddingSpec,
    vector: Vector,
    quality: dict[str, object],
) -> FaceRow:
    """A new face of `person` with the next seq; the first one becomes the primary face.

    Raises ModelError for a vector that is no embedding of this space.
    """
    row = FaceRow(
        person_id=person.id,
        spec_id=spec_id(session, spec),
        embedding=to_bytes(checked_vector(vector, spec.dimensions)),
        quality=quality,
        seq=next_seq(session),
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    if person.face_id is None:
        person.face_id = row.id
    return row


def remove(session: Session, face_id: int) -> None:
    """Remove a face; its owner's newest other face becomes primary. Nothing happens twice."""
    row = session.get(FaceRow, face_id)
    if row is None:
        return
    owner = session.get_one(User, row.person_id)
    session.add(Deletion(face_id=row.id, spec_id=row.spec_id, seq=next_seq(session)))
    session.delete(row)
    session.flush()
    if owner.face_id is None or owner.face_id == face_id:
        owner.face_id = _newest_of(session, owner.id)


def remove_all_of(session: Session, person: User) -> None:
    """Remove every face of a person."""
    person.face_id = None
    session.flush()
    rows = session.execute(select(FaceRow).where(FaceRow.person_id == person.id)).scalars().all()
    for row in rows:
        session.add(Deletion(face_id=row.id, spec_id=row.spec_id, seq=next_seq(session)))
    session.execute(delete(FaceRow).where(FaceRow.person_id == person.id))


def get(session: Session, person: User, face_id: int) -> FaceRow:
    """This face of this person; raises NotFound."""
    row = session.get(FaceRow, face_id)
    if row is None or row.person_id != person.id:
        raise NotFound("this person has no such face")
    return row


def page(session: Session, person: User, after_id: int, limit: int) -> Sequence[FaceRow]:
    """A person's faces in every space, in the order they were added, those after `after_id`."""
    mine = (FaceRow.person_id == person.id, FaceRow.id > after_id)
    statement = select(FaceRow).where(*mine).order_by(FaceRow.id).limit(limit)
    return session.execute(statement).scalars().all()


def photos_of(session: Session, face_ids: Sequence[int]) -> dict[int, list[int]]:
    """The ledger's rows that stand for these few faces, by face."""
    statement = select(PhotoRow.face_id, PhotoRow.id).where(PhotoRow.face_id.in_(face_ids))
    found: dict[int, list[int]] = {}
    for face_id, photo_id in session.execute(statement.order_by(PhotoRow.id)):
        if face_id is not None:
            found.setdefault(face_id, []).append(photo_id)
    return found


def digests(session: Session) -> dict[int, str]:
    """The name of every space by its row's id."""
    return {row.id: row.digest for row in session.execute(select(Spec)).scalars()}


def of_person(session: Session, person: User, spec: EmbeddingSpec) -> list[StoredFace]:
    """A person's faces in one space, oldest first."""
    return _stored(session, spec, [FaceRow.person_id == person.id] * 2)


def added_after(session: Session, spec: EmbeddingSpec, seq: int) -> list[StoredFace]:
    """The faces of a space that live now and came after `seq`."""
    return _stored(session, spec, [table.seq > seq for table in TABLES])


def by_ids(session: Session, face_ids: Sequence[int], spec: EmbeddingSpec) -> list[StoredFace]:
    """Those of `face_ids` that live in this space now, with their owners."""
    found: list[StoredFace] = []
    for at in range(0, len(face_ids), _ASKED_AT_ONCE):
        asked = {"face_ids": face_ids[at : at + _ASKED_AT_ONCE], "digest": spec.digest}
        # Every search pays for this: a statement made once, past the session's own machinery.
        found += _checked(session.connection().execute(_BY_IDS, asked), spec)
    return found


def count(session: Session, spec: EmbeddingSpec | None = None) -> int:
    """How many faces are enrolled, in one space or in all."""
    if spec is not None:
        return numbers(session, id_of_spec(spec))
    return session.execute(select(func.count()).select_from(FaceRow)).scalar_one()


def has_any(session: Session) -> bool:
    """Whether any face is enrolled, in any space."""
    return bool(session.execute(select(exists(select(literal(1)).select_from(FaceRow)))).scalar())


def _newest_of(session: Session, person_id: int) -> int | None:
    statement = select(func.max(FaceRow.id)).where(FaceRow.person_id == person_id)
    return session.execute(statement).scalar_one()


def _stored(
    session: Session, spec: EmbeddingSpec, conditions: Sequence[ColumnElement[bool]]
) -> list[StoredFace]:
    """Those of a space for which the condition holds that is for their table."""
    found = both(
        *(
            _with_owners(table).where(condition, is_in(table, id_of_spec(spec)))
            for table, condition in zip(TABLES, conditions, strict=True)
        )
    )
    rows = session.execute(found.order_by("face_id"))
    return _checked([(face_id, user_id, stored) for face_id, user_id, stored in rows], spec)


def _checked(rows: Iterable[_Found], spec: EmbeddingSpec) -> list[StoredFace]:
    return [
        StoredFace(face_id, user_id, vector)
        for face_id, user_id, stored in rows
        if (vector := _vector(face_id, stored, spec)) is not None
    ]


def _vector(face_id: int, stored: bytes, spec: EmbeddingSpec) -> Vector | None:
    """The stored embedding; None for a damaged one, which must not keep the others from use."""
    try:
        return from_bytes(stored, spec.dimensions)
    except ModelError:
        _log.error("the stored embedding of face %d is damaged and is never matched", face_id)
        return None
