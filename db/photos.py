"""The photo ledger: what became of every file seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound, Vanished
from db.models import PhotoRow

_BATCH = 500


class Status(StrEnum):
    """A ledger row's status. `unchanged` is what a conversion answers, never a stored one."""

    PENDING = "pending"
    ENROLLED = "enrolled"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    CONFLICT = "conflict"


STORED_STATUSES = (Status.PENDING, Status.ENROLLED, Status.REJECTED, Status.CONFLICT)
FINAL_STATUSES = (Status.ENROLLED, Status.REJECTED, Status.CONFLICT)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ledger knows of a path, enough to tell whether there is work to do."""

    status: Status
    identity: str | None
    present: bool
    next_attempt_at: datetime | None


def find(session: Session, path: str) -> PhotoRow | None:
    return session.execute(select(PhotoRow).where(PhotoRow.path == path)).scalar_one_or_none()


def get(session: Session, photo_id: int, user_id: str) -> PhotoRow:
    """The photo of this person; raises NotFound."""
    row = session.get(PhotoRow, photo_id)
    if row is None or row.user_id != user_id:
        raise NotFound("this person has no such photo")
    return row


def find_or_create(session: Session, path: str, user_id: str | None) -> PhotoRow:
    """The row of a path, a pending one where the path is new."""
    row = find(session, path)
    if row is None:
        row = _pending(path, user_id)
        session.add(row)
        session.flush()
    return row


def add_pending(session: Session, names: Iterable[tuple[str, str | None]]) -> int:
    """Pending rows for those (path, user_id) that the ledger does not have; returns how many."""
    wanted = dict(names)
    known: set[str] = set()
    for batch in batches(list(wanted)):
        statement = select(PhotoRow.path).where(PhotoRow.path.in_(batch))
        known.update(session.execute(statement).scalars())
    fresh = [_pending(path, wanted[path]) for path in wanted if path not in known]
    session.add_all(fresh)
    session.flush()
    return len(fresh)


def batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """`paths` in pieces for one transaction each: nobody waits long for the write lock."""
    for start in range(0, len(paths), _BATCH):
        yield paths[start : start + _BATCH]


def seen(session: Session, paths: Sequence[str] | None = None) -> dict[str, Seen]:
    """What is needed to tell whether a file changed, of these paths or of all in the ledger."""
    columns = select(
        PhotoRow.path,
        PhotoRow.status,
        PhotoRow.identity,
        PhotoRow.present,
        PhotoRow.next_attempt_at,
    )
    statements = (
        [columns]
        if paths is None
        else [columns.where(PhotoRow.path.in_(batch)) for batch in batches(paths)]
    )
    return {
        path: Seen(Status(status), identity, present, next_attempt_at)
        for statement in statements
        for path, status, identity, present, next_attempt_at in session.execute(statement)
    }


def mark_gone(session: Session, paths: Sequence[str], message: str) -> Sequence[PhotoRow]:
    """These few files are no longer there; what was still waiting is refused as `vanished`.

    Returns those that were refused.
    """
    these = PhotoRow.path.in_(paths)
    session.execute(update(PhotoRow).where(these).values(present=False))
    waiting = select(PhotoRow).where(these, PhotoRow.status == Status.PENDING)
    rows = session.execute(waiting).scalars().all()
    for row in rows:
        row.status, row.code, row.message = Status.REJECTED, Vanished.code, message
        row.identity = row.next_attempt_at = None
        row.begun = 0
    return rows


def mark_present(session: Session, paths: Sequence[str]) -> None:
    """These few files are there again; whether with known content, a conversion tells."""
    session.execute(update(PhotoRow).where(PhotoRow.path.in_(paths)).values(present=True))


def due(session: Session, now: datetime) -> Sequence[str]:
    """Pending paths whose time to try again has come."""
    statement = select(PhotoRow.path).where(
        PhotoRow.status == Status.PENDING, PhotoRow.present, PhotoRow.next_attempt_at <= now
    )
    return session.execute(statement).scalars().all()


def reset(session: Session, status: Status, code: str | None) -> int:
    """Make photos of a status (and code) pending anew; returns how many."""
    # A profile is looked at again when it changes; it is no photo to be converted.
    chosen = [PhotoRow.status == status, PhotoRow.present, PhotoRow.path.not_like("%.json")]
    if code is not None:
        chosen.append(PhotoRow.code == code)
    found = list(session.execute(select(PhotoRow.id).where(*chosen)).scalars())
    session.execute(
        update(PhotoRow)
        .where(*chosen)
        .values(
            status=Status.PENDING,
            code=None,
            message=None,
            identity=None,
            next_attempt_at=None,
            attempts=0,
            begun=0,
        )
    )
    return len(found)


def of_user(session: Session, user_id: str) -> Sequence[PhotoRow]:
    """The ledger rows that claim this person, oldest first."""
    statement = select(PhotoRow).where(PhotoRow.user_id == user_id).order_by(PhotoRow.id)
    return session.execute(statement).scalars().all()


def of_same_bytes(session: Session, sha256: str, path: str) -> Sequence[PhotoRow]:
    """Rows of other paths that have a face, and stand for the very same bytes.

    A pending one is being converted anew, and its face stays: whether these bytes gave it is
    certain only where it is enrolled.
    """
    statement = select(PhotoRow).where(
        PhotoRow.sha256 == sha256,
        PhotoRow.path != path,
        PhotoRow.status.in_((Status.ENROLLED, Status.PENDING)),
        PhotoRow.face_id.is_not(None),
    )
    return session.execute(statement.order_by(PhotoRow.id)).scalars().all()


def others_with_face(session: Session, face_id: int, photo_id: int) -> bool:
    """Whether another photo gave the same face (the same bytes under two names)."""
    statement = select(PhotoRow.id).where(PhotoRow.face_id == face_id, PhotoRow.id != photo_id)
    return session.execute(statement.limit(1)).first() is not None


def counts(session: Session) -> dict[Status, int]:
    """How many files stand in each stored status; they add up to all files seen."""
    statement = select(PhotoRow.status, func.count()).group_by(PhotoRow.status)
    found = {Status(status): number for status, number in session.execute(statement)}
    return {status: found.get(status, 0) for status in STORED_STATUSES}


def page(
    session: Session, after_id: int, limit: int, status: Status | None, user_id: str | None = None
) -> Sequence[PhotoRow]:
    """Ledger rows in the order they were first seen, those after row `after_id`."""
    statement = select(PhotoRow).where(PhotoRow.id > after_id).order_by(PhotoRow.id).limit(limit)
    if status is not None:
        statement = statement.where(PhotoRow.status == status)
    if user_id is not None:
        statement = statement.where(PhotoRow.user_id == user_id)
    return session.execute(statement).scalars().all()


def all_by_path(session: Session) -> Iterator[PhotoRow]:
    """Every row by path, a batch at a time, for reports."""
    statement = select(PhotoRow).order_by(PhotoRow.path).execution_options(yield_per=_BATCH)
    yield from session.execute(statement).scalars()


def _pending(path: str, user_id: str | None) -> PhotoRow:
    now = datetime.now(UTC)
    return PhotoRow(
        path=path,
        user_id=user_id,
        status=Status.PENDING,
        present=True,
        attempts=0,
        begun=0,
        created_at=now,
        updated_at=now,
    )
