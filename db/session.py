"""Connections and transactions. A Database is made after the fork and never shared across one."""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from core.errors import Busy, KenalError, NotReady, StorageFull

__all__ = ["Database", "Session"]

_WRITE = "kenal_write"
_KEPT_OPEN = 8
_NO_LIMIT = -1
_CAUSES = 8
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    # Deleted embeddings and names are overwritten, not only unlinked.
    "secure_delete=ON",
)


class Database:
    """Transactions on one database; the engine connects at the first use."""

    def __init__(self, url: str) -> None:
        # As many connections as there are threads that ask, and no thread waits for another's:
        # a limit of the pool's own would only turn many threads into errors.
        self._engine = create_engine(
            url, poolclass=QueuePool, pool_size=_KEPT_OPEN, max_overflow=_NO_LIMIT
        )
        if make_url(url).get_backend_name() == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writing = self._engine.execution_options(**{_WRITE: True})

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state; what it changes is rolled back."""
        with _translated(), Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is alone in writing from its start, committed at its end.

        Raises Busy when another process writes for longer than 5 s, StorageFull when the
        disk is full; then nothing is changed.
        """
        with _translated(), Session(self._writing, expire_on_commit=False) as session:
            # Begin at once: a read first would make the lock upgrade fail under load.
            session.connection()
            yield session
            session.commit()

    def connect(self) -> Connection:
        """A plain connection, for migrations and backups."""
        return self._writing.connect()

    def close(self) -> None:
        self._engine.dispose()


def _set_up_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    assert isinstance(connection, sqlite3.Connection)
    # We begin transactions ourselves: the driver would begin them late, and not for reads.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    handled = sys.exception()
    try:
        yield
    except DBAPIError as error:
        named = _named(error, handled)
        if named is None:
            raise
        raise named from error


def _named(error: DBAPIError, handled: BaseException | None) -> KenalError | None:
    """What ended the transaction; `handled` was there before it, and is another matter."""
    # A full disk ends the whole transaction; leaving a savepoint then fails for its own reason.
    cause: BaseException | None = error
    for _ in range(_CAUSES):
        if cause is None or cause is handled:
            break
        named = _as_kenal_error(cause) if isinstance(cause, DBAPIError) else None
        if named is not None:
            return named
        cause = cause.__context__
    return None


def _as_kenal_error(error: DBAPIError) -> KenalError | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy("the database is busy; try again")
    if primary == sqlite3.SQLITE_FULL or _errno(error) == errno.ENOSPC:
        return StorageFull("the disk is full")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        return NotReady("the database cannot be written or opened")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return NotReady("the database is damaged; restore it from a backup")
    if isinstance(error, OperationalError) and "no such table" in str(error.orig):
        return NotReady("the database is not set up; run: flask db upgrade")
    return None


def _errno(error: DBAPIError) -> int | None:
    return getattr(error.orig, "errno", None)
