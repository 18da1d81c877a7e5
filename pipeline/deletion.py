"""Deleting on request: the person or photo from the database first, then the files, for certain.

The request to delete a file is part of the transaction; until the file is gone, no scan enrolls
it again, and a crash in between, or a folder that is away, only delays it.
"""

import contextlib
import logging
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from core import files
from core.errors import KenalError, NotFound, NotReady, NotRegularFile, Unreadable, Vanished
from core.files import sync_directory
from core.names import from_printable, printable
from db import checkins, faces, photos, removals, stored_answers, users
from db.models import PhotoRow
from db.removals import Asked
from db.session import Database, Session
from pipeline.drop import files_of
from pipeline.pictures import remove
from pipeline.webhooks.events import emit_deleted

_log = logging.getLogger(__name__)
_FORGET_AFTER_NS = 30 * 24 * 3600 * 1_000_000_000


def delete_user(database: Database, drop: Path, user_id: str, pictures: Path | None = None) -> None:
    """Remove a person, their faces, ledger rows and everything stored under their name.

    Their check-ins stay, without pictures; those in the folder `pictures` go at once, elsewhere
    the next sweep finds them.

    After the return no search in any process finds them. Raises NotFound where there is nothing
    of this person, NotReady where a file is there and cannot be read: then nothing is changed.
    """
    stored = _hashes(drop, files_of(drop, user_id))
    with database.write() as session:
        person = users.find(session, user_id)
        rows = photos.of_user(session, user_id)
        if person is None and not rows:
            raise NotFound("there is no person with this user_id")
        _ask(session, stored, rows)
        for row in rows:
            session.delete(row)
        session.flush()
        stored_answers.forget_person(session, user_id)
        names = checkins.forget_person(session, user_id)
        if person is not None:
            users.delete(session, person)
        emit_deleted(session, user_id)
    if pictures is not None:
        remove(pictures, names)
    _sweep_now(database, drop)


def delete_photo(database: Database, drop: Path, user_id: str, photo_id: int) -> None:
    """Remove one photo of a person, the face it gave, and the file; raises as `delete_user`."""
    with database.read() as session:
        key = photos.get(session, photo_id, user_id).path
    stored = _hashes(drop, [from_printable(key)])
    with database.write() as session:
        row = photos.get(session, photo_id, user_id)
        face_id = row.face_id
        shared = face_id is not None and photos.others_with_face(session, face_id, row.id)
        _ask(session, stored, [row])
        session.delete(row)
        session.flush()
        if face_id is not None and not shared:
            faces.remove(session, face_id)
    _sweep_now(database, drop)


def sweep(database: Database, drop: Path) -> None:
    """Delete the files whose deletion was asked for. One that came later or changed stays."""
    with database.read() as session:
        asked = removals.all_asked(session)
    finished = [one.path for one in asked if _is_finished(drop, one)]
    if finished:
        with database.write() as session:
            for path in finished:
                removals.done(session, path)


def _sweep_now(database: Database, drop: Path) -> None:
    # The deletion is committed: what cannot be finished now, the next scan finishes.
    try:
        sweep(database, drop)
    except KenalError as error:
        _log.warning("deleted photos will be removed by the next scan: %s", error.code)


def _ask(session: Session, stored: dict[str, str], rows: Iterable[PhotoRow]) -> None:
    """Ask for every file that is there, and for those the ledger knows and the folder misses.

    The latter may be on a share that is away, or have been enrolled since the files were read.
    """
    known = {row.path: row.sha256 for row in rows if row.sha256 is not None}
    for path, sha256 in {**known, **stored}.items():
        removals.ask(session, path, sha256)


def _is_finished(drop: Path, asked: Asked) -> bool:
    """Unlink the file that is meant; False where it is not seen to be gone."""
    path = drop / from_printable(asked.path)
    try:
        identity = files.identity(path)
        if identity is None:
            # The folder may be away: kept until the file, or another, is seen, or for a month.
            return time.time_ns() - asked.asked_at_ns > _FORGET_AFTER_NS
        if not asked.may_mean(identity) or files.sha256_regular(path) != asked.sha256:
            return True
        if files.identity(path) != identity:
            return False  # Replaced while it was read.
        path.unlink()
        sync_directory(path.parent)
        if path.parent != drop:
            _remove_empty(path.parent)
    except (NotRegularFile, Vanished):
        return True
    except (OSError, Unreadable):
        _log.warning("a photo whose deletion was asked for cannot be deleted yet")
        return False
    return True


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _hashes(drop: Path, paths: Iterable[PurePosixPath]) -> dict[str, str]:
    """SHA-256 by ledger name of the regular files among `paths`."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            found[printable(path)] = files.sha256_regular(drop / path)
        except (Vanished, NotRegularFile):
            continue  # Nothing was ever enrolled from what is no regular file.
        except KenalError as error:
            raise NotReady(
                "a file of this person cannot be read, so nothing was deleted"
            ) from error
    return found
