"""The queue's SQLite file: its tables, and how it is opened."""

import logging
import os
import sqlite3
from pathlib import Path

from edge.salvage import put_aside

log = logging.getLogger("edge.outbox")
_SETUP = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=ON;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    captured_at REAL NOT NULL,
    direction TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'refused')),
    code TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    blamed INTEGER NOT NULL DEFAULT 0,
    next_attempt_at REAL NOT NULL DEFAULT 0,
    claim TEXT NOT NULL DEFAULT '{}',
    size INTEGER NOT NULL,
    jpeg BLOB
);
CREATE INDEX IF NOT EXISTS events_state ON events (state, seq, size);
CREATE INDEX IF NOT EXISTS events_captured ON events (captured_at);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""


def opened(place: Path) -> sqlite3.Connection:
    """The queue, durable; one that is no database is put aside."""
    try:
        return connected(place)
    except sqlite3.OperationalError:
        raise  # locked, or the disk: it may be sound
    except sqlite3.DatabaseError:
        log.critical("the queue is no database: it was put aside as %s", put_aside(place).name)
        return connected(place)


def connected(place: Path) -> sqlite3.Connection:
    """The queue as it is; raises sqlite3.Error."""
    # Faces wait in it, whatever the folder lets others read; its log takes over the mode.
    os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
    place.chmod(0o600)
    database = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    try:
        database.executescript(_SETUP)
        # Queues of an agent that made no claims are still to be sent.
        if "claim" not in [row[1] for row in database.execute("PRAGMA table_info(events)")]:
            database.execute("ALTER TABLE events ADD COLUMN claim TEXT NOT NULL DEFAULT '{}'")
    except sqlite3.Error:
        database.close()
        raise
    return database
