"""What the ledger says of a file that was not enrolled now: known already, refused, or later."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath

from core import files
from core.errors import FaceConflict, KenalError, Vanished
from core.files import FileIdentity
from core.names import PhotoName, claimed_user_id, printable
from db import photos, removals
from db.models import PhotoRow
from db.photos import FINAL_STATUSES, Status
from db.session import Database, Session
from pipeline.commit import Arrival
from pipeline.webhooks.events import emit_refused

_FIRST_RETRY_SECONDS = 5.0
_LAST_RETRY_SECONDS = 3600.0
_MOST_BEGUN = 5


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not enrolled; `retry_at` (Unix seconds) keeps it pending until then."""

    path: PurePosixPath
    sha256: str | None
    identity: FileIdentity | None
    error: KenalError
    retry_at: float | None = None


class Start(StrEnum):
    """Whether a conversion may begin; `alone`: it was cut off before, and may be what did it."""

    NOW = "now"
    ALONE = "alone"


class Ledger:
    """Records refusals and recognizes content that was dealt with before.

    What takes a Session is a part of the caller's transaction.
    """

    def __init__(self, database: Database, drop: Path) -> None:
        self._database = database
        self._drop = drop

    def begin(
        self, session: Session, name: PhotoName, arrival: Arrival, force: bool, alone: bool
    ) -> Outcome | Start:
        """Note that a conversion begins, so that a photo that ends the process is found out.

        The outcome `unchanged` where this very content has a final status, unless `force`.
        A photo whose conversion was cut off before is not begun unless it is `alone`: what is
        converted beside it must not be blamed. Raises Vanished where its deletion was asked for or
        is done, KenalError(`internal`) where it was cut off again and again.
        """
        asked = removals.find(session, name.key)
        if asked is not None and asked.means(arrival.identity, arrival.sha256):
            raise Vanished("the deletion of this photo was asked for")
        row = photos.find(session, name.key)
        if row is None:
            # Nothing of a deleted person comes back with a photo that was read before.
            if _is_gone(self._drop / name.path):
                raise Vanished("the file is no longer there")
            row = photos.find_or_create(session, name.key, name.user_id)
        if _is_settled(row, arrival.sha256) and not force:
            row.identity = str(arrival.identity)
            row.present = True
            return _outcome(row, Status.UNCHANGED)
        if row.identity != str(arrival.identity):
            row.attempts = row.begun = 0
            row.next_attempt_at = None
        if row.begun >= _MOST_BEGUN:
            raise KenalError(f"the conversion of this photo was cut off {row.begun} times")
        if row.begun and not alone:
            return Start.ALONE
        _note_begun(row, arrival)
        return Start.NOW

    def give_back(self, session: Session, name: PhotoName, arrival: Arrival) -> None:
        """Take back that a conversion began: it was not tried."""
        row = photos.find(session, name.key)
        if row is not None and row.begun and row.identity == str(arrival.identity):
            row.begun -= 1
            row.next_attempt_at = None

    def refuse(
        self,
        path: PurePosixPath,
        sha256: str | None,
        identity: FileIdentity | None,
        error: KenalError,
        retry_at: float | None,
    ) -> Outcome:
        """Record why the file is not enrolled, in a transaction of its own."""
        with self._database.write() as session:
            return self.record(session, Refusal(path, sha256, identity, error, retry_at))

    def record(self, session: Session, refusal: Refusal) -> Outcome:
        """Record why the file is not enrolled; a face it gave before stays enrolled.

        Nothing is left of a file that has no row, and is gone or to be deleted.
        """
        path, error = refusal.path, refusal.error
        key = printable(path)
        if not self._is_known(session, key, refusal):
            return _unrecorded(key, error)
        row = photos.find_or_create(session, key, claimed_user_id(path))
        before = _refusal_of(row)
        row.begun = 0
        if isinstance(error, Vanished):
            _record_vanished(row, self._drop / path, error)
        else:
            row.sha256 = refusal.sha256
            row.identity = None if refusal.identity is None else str(refusal.identity)
            row.present = True
            _record_refusal(row, error, refusal.retry_at)
        row.updated_at = datetime.now(UTC)
        session.flush()
        if _refusal_of(row) not in (None, before):
            emit_refused(session, row)
        return _outcome(row, Status(row.status))

    def _is_known(self, session: Session, key: str, refusal: Refusal) -> bool:
        """Whether the file has a row, or is there and nobody asked for its deletion."""
        if photos.find(session, key) is not None:
            return True
        if _is_gone(self._drop / refusal.path):
            return False
        asked = removals.find(session, key)
        if asked is None or isinstance(refusal.error, Vanished):
            return asked is None
        identity, sha256 = refusal.identity, refusal.sha256
        return identity is None or sha256 is None or not asked.means(identity, sha256)


def _is_gone(file: Path) -> bool:
    try:
        return files.identity(file) is None
    except OSError:
        return False  # What cannot be looked at may be there.


def _refusal_of(row: PhotoRow) -> tuple[str | None, ...] | None:
    """What tells one refusal of a path from another; None where it is not refused."""
    if row.status not in (Status.REJECTED, Status.CONFLICT):
        return None
    return row.status, row.code, row.sha256, row.identity


def _is_settled(row: PhotoRow, sha256: str) -> bool:
    return row.sha256 == sha256 and row.status in FINAL_STATUSES


def _note_begun(row: PhotoRow, arrival: Arrival) -> None:
    if row.next_attempt_at is None or row.next_attempt_at <= datetime.now(UTC):
        # Else another process is at it just now, which is no sign of trouble.
        row.begun += 1
        row.next_attempt_at = _later(row.begun)
    row.status, row.code, row.message = Status.PENDING, None, None
    row.identity = str(arrival.identity)
    row.present = True


def _later(attempts: int) -> datetime:
    pause = min(_FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 20), _LAST_RETRY_SECONDS)
    return datetime.now(UTC) + timedelta(seconds=pause)


def _record_vanished(row: PhotoRow, file: Path, error: Vanished) -> None:
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
        row.next_attempt_at = _later(row.attempts)
    else:
        row.status = Status.CONFLICT if isinstance(error, FaceConflict) else Status.REJECTED


def _outcome(row: PhotoRow, status: Status) -> Outcome:
    return Outcome(status, row.path, row.user_id, row.id, row.face_id, row.code, row.message)


def _unrecorded(key: str, error: KenalError) -> Outcome:
    return Outcome(Status.REJECTED, key, None, None, None, error.code, error.message)
