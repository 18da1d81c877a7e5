"""Deleting on request: the person or photo from the database first, then the files, for certain.

The request to delete a file is part of the transaction; until the file is gone, no scan enrolls
it again, and a crash in between only delays it.
"""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from core import files
from core.errors import KenalError
from core.files import sync_directory
from core.names import PROFILE_EXTENSION
from db import faces, photos, removals, users
from db.session import Database
from pipeline.drop import list_drop

_log = logging.getLogger(__name__)


def delete_user(database: Database, drop: Path, user_id: str) -> None:
    """Remove a person, their faces, ledger rows and stored photos; raises NotFound.

    After the return no search in any process finds them.
    """
    with database.read() as session:
        users.get(session, user_id)
    stored = _hashes(drop, _files_of(drop, user_id))
    with database.write() as session:
        person = users.get(session, user_id)
        for row in photos.of_user(session, user_id):
            session.delete(row)
        session.flush()
        users.delete(session, person)
        for path, sha256 in stored.items():
            removals.ask(session, path, sha256)
    sweep(database, drop)


def delete_photo(database: Database, drop: Path, user_id: str, photo_id: int) -> None:
    """Remove one photo of a person, the face it gave, and the file; raises NotFound."""
    with database.read() as session:
        users.get(session, user_id)
        path = photos.get(session, photo_id, user_id).path
    stored = _hashes(drop, [PurePosixPath(path)])
    with database.write() as session:
        row = photos.get(session, photo_id, user_id)
        face_id = row.face_id
        shared = face_id is not None and photos.others_with_face(session, face_id, row.id)
        session.delete(row)
        session.flush()
        if face_id is not None and not shared:
            faces.remove(session, face_id)
        for key, sha256 in stored.items():
            removals.ask(session, key, sha256)
    sweep(database, drop)


def sweep(database: Database, drop: Path) -> None:
    """Delete the files whose deletion was asked for. One that has other content now stays."""
    with database.read() as session:
        asked = removals.all_asked(session)
    finished = [path for path, sha256 in asked if _is_gone(drop, drop / path, sha256)]
    if finished:
        with database.write() as session:
            for path in finished:
                removals.done(session, path)


def _is_gone(drop: Path, path: Path, sha256: str) -> bool:
    """Unlink the file with this content; False where it must be tried again."""
    try:
        if files.identity(path) is None or files.sha256_file(path) != sha256:
            return True
        path.unlink()
        sync_directory(path.parent)
        if path.parent != drop:
            _remove_empty(path.parent)
    except FileNotFoundError:
        return True
    except OSError:
        _log.warning("a photo whose deletion was asked for cannot be deleted yet")
        return False
    return True


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _files_of(drop: Path, user_id: str) -> list[PurePosixPath]:
    photos_of = [entry.path for entry in list_drop(drop).entries if entry.user_id == user_id]
    return [*photos_of, PurePosixPath(f"{user_id}.{PROFILE_EXTENSION}")]


def _hashes(drop: Path, paths: Iterable[PurePosixPath]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        with contextlib.suppress(OSError, KenalError):
            if (drop / path).is_file() and not (drop / path).is_symlink():
                found[str(path)] = files.sha256_file(drop / path)
    return found
