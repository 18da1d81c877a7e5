"""Calibrated thresholds by space: the one in force, their history, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.errors import ConflictError, NotFound
from core.types import EmbeddingSpec
from db.calibration_models import Calibration
from db.gallery import find_spec_id, spec_id
from db.models import Gallery, Spec

_STANDING = Calibration.withdrawn_at.is_(None)
_IN_FORCE = (
    select(Calibration.id, Calibration.threshold)
    .join(Spec, Spec.id == Calibration.spec_id)
    .where(Spec.digest == bindparam("digest"), _STANDING)
    .order_by(Calibration.id.desc())
    .limit(1)
)
_NEWEST = (
    select(Calibration.id)
    .where(Calibration.spec_id == Gallery.spec_id, _STANDING)
    .order_by(Calibration.id.desc())
    .limit(1)
)
_STATE = select(Spec.digest, _NEWEST.scalar_subquery()).join(Gallery, Gallery.spec_id == Spec.id)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The threshold in force of a space, and the calibration that it is of."""

    id: int
    threshold: float


def threshold_of(session: Session, spec: EmbeddingSpec) -> Calibrated | None:
    """The calibrated threshold in force of this space and of no other; None where there is none."""
    row = session.connection().execute(_IN_FORCE, {"digest": spec.digest}).first()
    return None if row is None else Calibrated(row.id, row.threshold)


def state(session: Session) -> tuple[str | None, int | None]:
    """The digest of the space in force, and its calibration; asked for with every request.

    A calibration of the same number is the same for ever.
    """
    row = session.connection().execute(_STATE).first()
    return (None, None) if row is None else (row[0], row[1])


def in_force(session: Session, spec: EmbeddingSpec) -> Calibration | None:
    """The same as the whole row."""
    found = threshold_of(session, spec)
    return None if found is None else session.get_one(Calibration, found.id)


def add(
    session: Session, spec: EmbeddingSpec, row: Calibration, instead_of: int | None
) -> Calibration:
    """Put a calibration into force; what is not of the measurement is filled in here.

    Raises ConflictError where another than `instead_of` is in force by now.
    """
    _check_unchanged(session, spec, instead_of)
    row.spec_id = spec_id(session, spec)
    row.created_at = datetime.now(UTC)
    session.add(row)
    session.flush()
    return row


def withdraw(session: Session, spec: EmbeddingSpec, calibration_id: int, by: str) -> Calibration:
    """Take a calibration out of force, whether it is in force now or would be after others.

    Raises NotFound where this space has none of that number, ConflictError where it is withdrawn.
    """
    row = session.get(Calibration, calibration_id)
    if row is None or row.spec_id != find_spec_id(session, spec):
        raise NotFound("this network has no calibration of that number")
    if row.withdrawn_at is not None:
        raise ConflictError("this calibration is withdrawn already")
    row.withdrawn_at, row.withdrawn_by = datetime.now(UTC), by
    session.flush()
    return row


def page(session: Session, before_id: int | None, limit: int) -> Sequence[tuple[Calibration, Spec]]:
    """Calibrations of every space, newest first, those before row `before_id`."""
    statement = select(Calibration, Spec).join(Spec, Spec.id == Calibration.spec_id)
    if before_id is not None:
        statement = statement.where(Calibration.id < before_id)
    rows = session.execute(statement.order_by(Calibration.id.desc()).limit(limit))
    return [(row, space) for row, space in rows]


def _check_unchanged(session: Session, spec: EmbeddingSpec, seen: int | None) -> None:
    now = threshold_of(session, spec)
    if (now.id if now else None) != seen:
        raise ConflictError(
            "another calibration came into force meanwhile; look at it, and propose again:"
            " flask calibrate show"
        )
