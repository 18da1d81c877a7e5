"""Faces in a further space: which are missing, what they are made from, and what came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from core.types import EmbeddingSpec, Vector
from core.vectors import checked_vector, to_bytes
from db.gallery import id_of_spec, next_seq, spec_id
from db.models import FaceRow, PhotoRow
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
    """What a face is embedded anew from: its stored embedding, to know it by, and its photos."""

    seq: int
    face_id: int
    embedding: bytes
    photos: tuple[StoredPhoto, ...]


def missing(
    session: Session, own: EmbeddingSpec, space: EmbeddingSpec, after_seq: int, limit: int
) -> list[Source]:
    """The first `limit` faces of the gallery's `own` space, after a seq, that lack a row here."""
    has_row = exists().where(
        EmbeddingRow.face_id == FaceRow.id, EmbeddingRow.spec_id == id_of_spec(space)
    )
    statement = (
        select(FaceRow.id)
        .where(FaceRow.spec_id == id_of_spec(own), FaceRow.seq > after_seq, ~has_row)
        .order_by(FaceRow.seq)
        .limit(limit)
    )
    return _sources(session, statement)


def due_again(
    session: Session,
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
    return _sources(session, statement)


def put(
    session: Session, space: EmbeddingSpec, face_id: int, vector: Vector | None, code: str | None
) -> bool:
    """Record a face's embedding in this space, or why there is none; False where it is gone.

    An embedding that is there stays. The same reason again is no change to any reader. Raises
    ModelError for a vector that is no embedding of this space.
    """
    if not session.execute(select(exists().where(FaceRow.id == face_id))).scalar():
        return False
    embedding = None if vector is None else to_bytes(checked_vector(vector, space.dimensions))
    space_id = spec_id(session, space)
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


def count(session: Session, space: EmbeddingSpec) -> int:
    """How many faces have a row in this space, with an embedding or without."""
    statement = (
        select(func.count())
        .select_from(EmbeddingRow)
        .where(EmbeddingRow.spec_id == id_of_spec(space))
    )
    return session.execute(statement).scalar_one()


def codes(session: Session, space: EmbeddingSpec) -> dict[str, int]:
    """Why faces have no embedding in this space, and how many."""
    statement = (
        select(EmbeddingRow.code, func.count())
        .where(EmbeddingRow.spec_id == id_of_spec(space), EmbeddingRow.code.is_not(None))
        .group_by(EmbeddingRow.code)
    )
    return {code: number for code, number in session.execute(statement) if code is not None}


def _sources(session: Session, ids: Select[int]) -> list[Source]:
    # The ids alone first: the search for them reads no embeddings.
    face_ids = list(session.execute(ids).scalars())
    photos = _photos_of(session, face_ids)
    statement = (
        select(FaceRow.seq, FaceRow.id, FaceRow.embedding)
        .where(FaceRow.id.in_(face_ids))
        .order_by(FaceRow.seq)
    )
    return [
        Source(seq, face_id, stored, tuple(photos.get(face_id, ())))
        for seq, face_id, stored in session.execute(statement)
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
