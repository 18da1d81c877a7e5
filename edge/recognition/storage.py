"""The gallery's file: SQLite, for its owner only, with a version of its own."""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

VERSION = 1
log = logging.getLogger("edge.gallery")
_MODE = 0o600
_PRAGMAS = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=ON;
PRAGMA foreign_keys=ON;
"""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE people (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL CHECK (source IN ('server', 'local')),
    folded TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT,
    created_at REAL NOT NULL,
    superseded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (folded, source)
);
CREATE TABLE faces (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
    network TEXT NOT NULL,
    face_id INTEGER,
    embedding BLOB NOT NULL,
    created_at REAL NOT NULL
);
CREATE UNIQUE INDEX faces_of_server ON faces (face_id, network) WHERE face_id IS NOT NULL;
CREATE INDEX faces_of_person ON faces (person, network);
CREATE TABLE networks (
    network TEXT PRIMARY KEY,
    cursor TEXT,
    wall REAL, boot TEXT, running REAL, age REAL
);
PRAGMA user_version={VERSION};
COMMIT;
"""


class GalleryError(Exception):
    """The gallery cannot be used; says what to do, and no path."""


def opened(place: Path) -> sqlite3.Connection:
    """Opens or makes the file; one that is broken is put aside, one that is newer is refused."""
    try:
        return _connected(place)
    except sqlite3.OperationalError:
        raise  # locked, or the disk: it may be sound
    except sqlite3.DatabaseError:
        log.critical("the gallery was broken and was put aside: registrations here are lost")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{place}{suffix}").replace(f"{place}{suffix}.broken")
        return _connected(place)


def _connected(place: Path) -> sqlite3.Connection:
    # Before SQLite makes it: what it makes beside the file gets the file's mode.
    os.close(os.open(place, os.O_CREAT | os.O_RDWR, _MODE))
    place.chmod(_MODE)
    database = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise GalleryError(
            f"the gallery was written by a newer agent (version {found}, this one knows {VERSION}):"
            " run that agent, or move the file away"
        )
    database.executescript(_PRAGMAS)
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("damaged")
    if found == 0:
        database.executescript(_SCHEMA)
