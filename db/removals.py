"""Files whose deletion was asked for and may not have happened yet."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import Removal


def ask(session: Session, path: str, sha256: str) -> None:
    """Ask for the file `path` with this content to be deleted."""
    row = find(session, path)
    if row is None:
        session.add(Removal(path=path, sha256=sha256))
    else:
        row.sha256 = sha256
    session.flush()


def find(session: Session, path: str) -> Removal | None:
    return session.execute(select(Removal).where(Removal.path == path)).scalar_one_or_none()


def all_asked(session: Session) -> Sequence[tuple[str, str]]:
    """Every (path, sha256) still to be deleted."""
    rows = session.execute(select(Removal.path, Removal.sha256).order_by(Removal.id))
    return [(path, sha256) for path, sha256 in rows]


def done(session: Session, path: str) -> None:
    """The file is gone, or is another photo now."""
    session.execute(delete(Removal).where(Removal.path == path))
