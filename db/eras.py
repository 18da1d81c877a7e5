"""Eras: what tells a change from the one that had the same seq before a backup was restored."""

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.gallery import last_seq
from db.space_models import Era

_NAME_BYTES = 8


def begin(session: Session) -> None:
    """A new era, which the next change is the first of; for every process that starts."""
    following = last_seq(session) + 1
    # Those of starts that changed nothing, and of nothing that this database knows.
    session.execute(delete(Era).where(Era.seq >= following))
    session.add(Era(seq=following, name=secrets.token_hex(_NAME_BYTES)))
    session.flush()


def of(session: Session, seq: int) -> str:
    """The name of the era that the change of this seq is of."""
    statement = select(Era.name).where(Era.seq <= seq).order_by(Era.seq.desc()).limit(1)
    return session.execute(statement).scalar_one()
