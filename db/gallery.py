"""The gallery's row: the sequence every change carries, and the recorded embedding space."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import ScalarSelect, Select, select, update
from sqlalchemy.orm import Session

from core.types import EmbeddingSpec, Similarity
from db.models import Gallery, Spec

_ROW = 1
_LAST_SEQ = select(Gallery.seq).where(Gallery.id == _ROW)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The embedder recorded for this gallery, with the reason it was chosen for."""

    embedder: str
    reason: str
    spec: EmbeddingSpec


def next_seq(session: Session) -> int:
    """The next sequence number; the row's lock orders writers on every database."""
    statement = (
        update(Gallery)
        .where(Gallery.id == _ROW)
        .values(seq=Gallery.seq + 1)
        .returning(Gallery.seq)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar_one()


def last_seq(session: Session) -> int:
    """The sequence number of the newest change; 0 when there was none."""
    return session.connection().execute(_LAST_SEQ).scalar_one()


def chosen(session: Session) -> Chosen | None:
    """The recorded embedder; None until one was chosen."""
    row = session.get_one(Gallery, _ROW)
    if row.embedder is None or row.spec_id is None:
        return None
    spec = to_spec(session.get_one(Spec, row.spec_id))
    return Chosen(row.embedder, row.reason or "", spec)


def record(session: Session, choice: Chosen) -> None:
    """Record the embedder of this gallery."""
    row = session.get_one(Gallery, _ROW)
    row.embedder = choice.embedder
    row.reason = choice.reason
    row.spec_id = spec_id(session, choice.spec)
    row.chosen_at = datetime.now(UTC)


def spec_id(session: Session, spec: EmbeddingSpec) -> int:
    """The row id of this space, made where it is new."""
    found = find_spec_id(session, spec)
    if found is not None:
        return found
    row = Spec(digest=spec.digest, fields=asdict(spec))
    session.add(row)
    session.flush()
    return row.id


def id_of_spec(spec: EmbeddingSpec) -> ScalarSelect[int]:
    """The row id of this space inside another statement: one question less to ask."""
    return _select_id(spec).scalar_subquery()


def find_spec_id(session: Session, spec: EmbeddingSpec) -> int | None:
    return session.execute(_select_id(spec)).scalar_one_or_none()


def _select_id(spec: EmbeddingSpec) -> Select[int]:
    return select(Spec.id).where(Spec.digest == spec.digest)


def to_spec(row: Spec) -> EmbeddingSpec:
    fields = row.fields
    return EmbeddingSpec(
        embedder=str(fields["embedder"]),
        weights_sha256=str(fields["weights_sha256"]),
        detector=str(fields["detector"]),
        alignment=str(fields["alignment"]),
        normalization=str(fields["normalization"]),
        dimensions=int(str(fields["dimensions"])),
        similarity=Similarity(str(fields["similarity"])),
    )
