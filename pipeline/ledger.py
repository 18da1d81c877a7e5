"""What the ledger says of a file that was not enrolled now: known already, refused, or later."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session

from core import files
from core.errors import FaceConflict, KenalError, Vanished
from core.files import FileIdentity
from core.names import parse_photo_path, printable
from db import photos, removals
from db.models import PhotoRow
from db.photos import FINAL_STATUSES, Status
from db.session import Database

_FIRST_RETRY_SECONDS = 5.0
_LAST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. `path` is printable; `code` and `message` say why it was refused."""

    status: Status
    path: str
    user_id: str | None
    photo_id: int | None
    face_id: int | None
    code: str | None
    message: str | None


class Ledger:
    """Records refusals and recognizes content that was dealt with before."""

    def __init__(self, database: Database, drop: Path) -> None:
        self._database = database
        self._drop = drop

    def settled(self, path: str, sha256: str, identity: FileIdentity) -> Outcome | None:
        """The outcome `unchanged` where this very content has a final status; else None."""
        with self._database.read() as session:
            row = photos.find(session, path)
            if row is None or row.sha256 != sha256 or row.status not in FINAL_STATUSES:
                return None
            touched = row.identity != str(identity) or not row.present
            outcome = _outcome(row, Status.UNCHANGED)
        if touched:
            with self._database.write() as session:
                same = photos.find(session, path)
                if same is not None and same.sha256 == sha256:
                    same.identity = str(identity)
                    same.present = True
        return outcome

    def refuse(
        self,
        path: PurePosixPath,
        sha256: str | None,
        identity: FileIdentity | None,
        error: KenalError,
        retry_at: float | None,
    ) -> Outcome:
        """Record why the file is not enrolled; a face it gave before stays enrolled.

        `retry_at` (Unix seconds) keeps it pending until then.
        """
        key = printable(path)
        with self._database.write() as session:
            if removals.find(session, key) is not None and isinstance(error, Vanished):
                return _unrecorded(key, error)
            row = photos.find_or_create(session, key, _claimed(path))
            if isinstance(error, Vanished):
                _record_vanished(session, row, self._drop / path, error)
            else:
                row.sha256 = sha256
                row.identity = None if identity is None else str(identity)
                row.present = True
                _record_refusal(row, error, retry_at)
            row.updated_at = datetime.now(UTC)
            session.flush()
            return _outcome(row, Status(row.status))


def _record_vanished(session: Session, row: PhotoRow, file: Path, error: Vanished) -> None:
    del session
    row.present = files.identity(file) is not None
    if row.present:
        # It was overwritten while being read: the new content is another matter.
        row.status, row.code, row.message = Status.PENDING, None, None
        row.identity = row.next_attempt_at = None
    elif row.status == Status.PENDING:
        row.status, row.code, row.message = Status.REJECTED, error.code, error.message


def _record_refusal(row: PhotoRow, error: KenalError, retry_at: float | None) -> None:
    row.code, row.message, row.next_attempt_at = error.code, error.message, None
    if retry_at is not None:
        row.status = Status.PENDING
        row.next_attempt_at = datetime.fromtimestamp(retry_at, UTC)
    elif error.retryable:
        row.status = Status.PENDING
        row.attempts += 1
        pause = min(_FIRST_RETRY_SECONDS * 2 ** min(row.attempts - 1, 20), _LAST_RETRY_SECONDS)
        row.next_attempt_at = datetime.now(UTC) + timedelta(seconds=pause)
    else:
        row.status = Status.CONFLICT if isinstance(error, FaceConflict) else Status.REJECTED


def _claimed(path: PurePosixPath) -> str | None:
    try:
        return parse_photo_path(path).user_id
    except KenalError:
        return None


def _outcome(row: PhotoRow, status: Status) -> Outcome:
    return Outcome(status, row.path, row.user_id, row.id, row.face_id, row.code, row.message)


def _unrecorded(key: str, error: KenalError) -> Outcome:
    return Outcome(Status.REJECTED, key, None, None, None, error.code, error.message)
