"""Files whose deletion was asked for and may not have happened yet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.files import FileIdentity
from db.models import Removal


@dataclass(frozen=True, slots=True)
class Asked:
    """A deletion that was asked for; `path` is the ledger's name of the file."""

    path: str
    sha256: str
    asked_at_ns: int

    def may_mean(self, identity: FileIdentity) -> bool:
        """Whether a file was there when the deletion was asked for; a later one is another."""
        return identity.ctime_ns <= self.asked_at_ns

    def means(self, identity: FileIdentity, sha256: str) -> bool:
        """Whether this very file and content is to be deleted."""
        return self.may_mean(identity) and self.sha256 == sha256


def ask(session: Session, path: str, sha256: str) -> None:
    """Ask for the file `path` with this content to be deleted."""
    done(session, path)
    session.add(Removal(path=path, sha256=sha256, asked_at_ns=time.time_ns()))
    session.flush()


def find(session: Session, path: str) -> Asked | None:
    row = session.execute(select(Removal).where(Removal.path == path)).scalar_one_or_none()
    return None if row is None else _asked(row)


def all_asked(session: Session) -> Sequence[Asked]:
    """Everything still to be deleted, oldest first."""
    rows = session.execute(select(Removal).order_by(Removal.id)).scalars()
    return [_asked(row) for row in rows]


def done(session: Session, path: str) -> None:
    """The file is gone, or is another photo now."""
    session.execute(delete(Removal).where(Removal.path == path))


def _asked(row: Removal) -> Asked:
    return Asked(row.path, row.sha256, row.asked_at_ns)
