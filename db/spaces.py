"""Faces in a further space: which are missing, what they are made from, and what came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session, aliased

from core.types import EmbeddingSpec, Vector
from core.vectors import checked_vector, to_bytes
from db.gallery import id_of_spec, next_seq, spec_id
from db.in_space import TABLES, Space, ids, is_in
from db.models import FaceRow, PhotoRow, User
from db.photos import Status
from db.space_models import EmbeddingRow


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """A photo that gave a face, as the ledger knows it; `path` is printable."""

    path: str
    sha256: str | None
    status: Status
    present: bool


@dataclass(frozen=True, slots=True)
class Source:
    """What a face is embedded anew from: its photos, and what it is known by.

    `embedding` is that of the gallery's own space, None where it has none.
    """

    seq: int
    face_id: int
    embedding: bytes | None
    photos: tuple[StoredPhoto, ...]


def missing(
    session: Session, own: EmbeddingSpec, space: EmbeddingSpec, after_seq: int, limit: int
) -> list[Source]:
    """The first `limit` faces after a seq that are in no way in `space`, and why is not known.

    Each is told with its embedding in the gallery's `own` space.
    """
    statement = select(FaceRow.id).where(FaceRow.seq > after_seq, *_lacks(space))
    return _sources(session, own, statement.order_by(FaceRow.seq).limit(limit))


def _lacks(space: EmbeddingSpec) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    has_row = exists().where(
        EmbeddingRow.face_id == FaceRow.id, EmbeddingRow.spec_id == id_of_spec(space)
    )
    # A space that has no row yet is nobody's.
    return FaceRow.spec_id != func.coalesce(id_of_spec(space), 0), ~has_row


def due_again(
    session: Session,
    own: EmbeddingSpec,
    space: EmbeddingSpec,
    after_seq: int,
    limit: int,
    *,
    codes: Collection[str],
    before: datetime,
) -> list[Source]:
    """Faces that were looked at last `before`, in vain for one of `codes`, and have a photo now."""
    has_photo = exists().where(
        PhotoRow.face_id == FaceRow.id, PhotoRow.status == Status.ENROLLED, PhotoRow.present
    )
    statement = (
        select(FaceRow.id)
        .join(EmbeddingRow, EmbeddingRow.face_id == FaceRow.id)
        .where(
            EmbeddingRow.spec_id == id_of_spec(space),
            EmbeddingRow.code.in_(codes),
            EmbeddingRow.created_at < before,
            FaceRow.seq > after_seq,
            has_photo,
        )
        .order_by(FaceRow.seq)
        .limit(limit)
    )
    return _sources(session, own, statement)


def put(
    session: Session, space: EmbeddingSpec, face_id: int, vector: Vector | None, code: str | None
) -> bool:
    """Record a face's embedding in this space, or why there is none; False where it is gone.

    An embedding that is there stays. The same reason again is no change to any reader. Raises
    ModelError for a vector that is no embedding of this space.
    """
    enrolled_in = session.execute(select(FaceRow.spec_id).where(FaceRow.id == face_id)).scalar()
    if enrolled_in is None:
        return False
    embedding = None if vector is None else to_bytes(checked_vector(vector, space.dimensions))
    space_id = spec_id(session, space)
    if enrolled_in == space_id:
        return True
    asked = select(EmbeddingRow).where(
        EmbeddingRow.face_id == face_id, EmbeddingRow.spec_id == space_id
    )
    row = session.execute(asked).scalar_one_or_none()
    if row is None:
        row = EmbeddingRow(face_id=face_id, spec_id=space_id, seq=next_seq(session))
        row.embedding, row.code = embedding, code
        session.add(row)
    elif row.embedding is None and (embedding is not None or row.code != code):
        row.embedding, row.code, row.seq = embedding, code, next_seq(session)
    row.created_at = datetime.now(UTC)
    session.flush()
    return True


def pending(session: Session, space: EmbeddingSpec) -> int:
    """How many faces were not looked at yet with this space's network."""
    enrolled = select(func.count()).select_from(FaceRow)
    elsewhere = enrolled.where(FaceRow.spec_id != func.coalesce(id_of_spec(space), 0))
    looked_at = select(func.count()).select_from(EmbeddingRow)
    looked_at = looked_at.where(EmbeddingRow.spec_id == id_of_spec(space))
    return session.execute(elsewhere).scalar_one() - session.execute(looked_at).scalar_one()


def exists_in(session: Session, space: EmbeddingSpec) -> bool:
    """Whether any face has an embedding in this space, or the reason why it has none."""
    space_id = id_of_spec(space)
    found = (select(exists().where(table.spec_id == space_id)) for table in TABLES)
    return any(session.execute(one).scalar() for one in found)


def codes(session: Session, space: EmbeddingSpec) -> dict[str, int]:
    """Why faces have no embedding in this space, and how many."""
    statement = (
        select(EmbeddingRow.code, func.count())
        .where(EmbeddingRow.spec_id == id_of_spec(space), EmbeddingRow.code.is_not(None))
        .group_by(EmbeddingRow.code)
    )
    return {code: number for code, number in session.execute(statement) if code is not None}


@dataclass(frozen=True, slots=True)
class Lacking:
    """A face without an embedding in a space; `code` None: it was not looked at yet.

    `alone`: no other face of the person has one there either, so that nobody finds them.
    """

    user_id: str
    face_id: int
    code: str | None
    alone: bool


def lacking(session: Session, space: EmbeddingSpec, limit: int | None = None) -> list[Lacking]:
    """The faces without an embedding in a space, in the order of their people's enrollment."""
    why = aliased(EmbeddingRow)
    space_id = func.coalesce(id_of_spec(space), 0)
    found_by = _people_in(space_id)
    statement = (
        select(User.user_id, FaceRow.id, why.code, User.id.not_in(found_by))
        .join(User, User.id == FaceRow.person_id)
        .outerjoin(why, and_(why.face_id == FaceRow.id, why.spec_id == space_id))
        .where(FaceRow.spec_id != space_id, why.embedding.is_(None))
        .order_by(User.id, FaceRow.id)
        .limit(limit)
    )
    return [Lacking(*row) for row in session.execute(statement)]


def people_lost(session: Session, own: EmbeddingSpec, space: EmbeddingSpec) -> int:
    """How many people of the space `own` have no face in another one."""
    found, kept = (_people_in(func.coalesce(id_of_spec(one), 0)) for one in (own, space))
    lost = select(func.count()).where(User.id.in_(found), User.id.not_in(kept))
    return session.execute(lost).scalar_one()


def release(session: Session, space: EmbeddingSpec, into: EmbeddingSpec, limit: int) -> int:
    """Let go of a space's embeddings of `limit` faces; how many it were, 0 when all are done.

    A face that has none in the space `into` keeps the one it was enrolled with: it is what the
    person is known by. Every other face is as if it had been enrolled in `into`.
    """
    space_id, into_id = spec_id(session, space), spec_id(session, into)
    beside = select(EmbeddingRow.id).where(EmbeddingRow.spec_id == space_id).limit(limit)
    gone = list(session.execute(beside).scalars())
    session.execute(delete(EmbeddingRow).where(EmbeddingRow.id.in_(gone)))
    statement = (
        select(FaceRow, EmbeddingRow)
        .join(EmbeddingRow, EmbeddingRow.face_id == FaceRow.id)
        .where(FaceRow.spec_id == space_id, is_in(EmbeddingRow, into_id))
        .limit(limit)
    )
    moved = session.execute(statement).all()
    for face, row in moved:
        assert row.embedding is not None
        # With its seq: in the space it goes to, nothing happens.
        face.spec_id, face.embedding, face.seq = into_id, row.embedding, row.seq
        session.delete(row)
    session.flush()
    return len(gone) + len(moved)


def _people_in(space: Space) -> Select[int]:
    face_ids = ids(space).subquery()
    return select(FaceRow.person_id).where(FaceRow.id.in_(select(face_ids.c[0])))


def _sources(session: Session, own: EmbeddingSpec, which: Select[int]) -> list[Source]:
    # The ids alone first: the search for them reads no embeddings.
    face_ids = list(session.execute(which).scalars())
    photos = _photos_of(session, face_ids)
    own_id = id_of_spec(own)
    further = select(EmbeddingRow.embedding).where(
        EmbeddingRow.face_id == FaceRow.id, EmbeddingRow.spec_id == own_id
    )
    known: ColumnElement[bytes | None] = case(
        (FaceRow.spec_id == own_id, FaceRow.embedding), else_=further.scalar_subquery()
    )
    statement = select(FaceRow.seq, FaceRow.id, type_coerce(known, LargeBinary))
    return [
        Source(seq, face_id, stored, tuple(photos.get(face_id, ())))
        for seq, face_id, stored in session.execute(
            statement.where(FaceRow.id.in_(face_ids)).order_by(FaceRow.seq)
        )
    ]


def _photos_of(session: Session, face_ids: Sequence[int]) -> dict[int, list[StoredPhoto]]:
    statement = (
        select(PhotoRow.face_id, PhotoRow.path, PhotoRow.sha256, PhotoRow.status, PhotoRow.present)
        .where(PhotoRow.face_id.in_(face_ids))
        .order_by(PhotoRow.id)
    )
    found: dict[int, list[StoredPhoto]] = {}
    for face_id, path, sha256, status, present in session.execute(statement):
        if face_id is not None:
            found.setdefault(face_id, []).append(StoredPhoto(path, sha256, Status(status), present))
    return found
