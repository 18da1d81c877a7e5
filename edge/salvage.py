"""A queue whose file was damaged: put aside, and what can still be read of it goes on."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm")
_COLUMNS = (
    "event_id, captured_at, direction, state, code, attempts, blamed, next_attempt_at, size, jpeg,"
    " claim"
)


def put_aside(place: Path) -> Path:
    """Moves the database and its log out of the way; where to."""
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{place}{suffix}").replace(f"{place}.broken{suffix}")
    return Path(f"{place}.broken")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is damaged, and not the disk full or the caller wrong."""
    name = getattr(error, "sqlite_errorname", "")
    return str(name).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def salvage(broken: Path, into: sqlite3.Connection) -> int:
    """Copies every event that can be read, in order; how many."""
    saved = 0
    with contextlib.closing(sqlite3.connect(broken)) as damaged:
        for seq in sorted({*_seqs(damaged, "ASC"), *_seqs(damaged, "DESC")}):
            with contextlib.suppress(sqlite3.DatabaseError):
                row = damaged.execute(
                    f"SELECT {_COLUMNS} FROM events WHERE seq = ?",  # noqa: S608 - our own names
                    (seq,),
                ).fetchone()
                put = into.execute(
                    f"INSERT OR IGNORE INTO events ({_COLUMNS})"  # noqa: S608
                    f" VALUES ({', '.join('?' * 11)})",
                    row,
                )
                saved += put.rowcount
    return saved


def _seqs(damaged: sqlite3.Connection, way: str) -> Iterator[int]:
    """From one end up to the damage."""
    with contextlib.suppress(sqlite3.DatabaseError):
        for row in damaged.execute(f"SELECT seq FROM events NOT INDEXED ORDER BY seq {way}"):  # noqa: S608
            yield int(row[0])
