"""Photos that gave a live face, as a numbered listing counts them; and everybody's names."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.models import PhotoRow, User


def count(session: Session, user_id: str | None = None) -> int:
    """How many there are, of one person or of all."""
    statement = _of(user_id).with_only_columns(func.count(), maintain_column_froms=True)
    return session.execute(statement).scalar_one()


def page(
    session: Session, offset: int, limit: int, user_id: str | None = None
) -> Sequence[PhotoRow]:
    """Those after the first `offset`, in the order they were first seen."""
    statement = _of(user_id).order_by(PhotoRow.id).offset(offset).limit(limit)
    return session.execute(statement).scalars().all()


def find(session: Session, photo_id: int) -> PhotoRow | None:
    return session.execute(_of(None).where(PhotoRow.id == photo_id)).scalar_one_or_none()


def user_ids(session: Session) -> Sequence[str]:
    """Everybody, in the order they were added."""
    return session.execute(select(User.user_id).order_by(User.id)).scalars().all()


def _of(user_id: str | None) -> Select[PhotoRow]:
    statement = select(PhotoRow).where(PhotoRow.face_id.is_not(None), PhotoRow.user_id.is_not(None))
    return statement if user_id is None else statement.where(PhotoRow.user_id == user_id)
