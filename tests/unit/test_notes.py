"""Notes beside requests: written where the database can, given up where it cannot."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.access import LOCAL, Caller, Scope
from db import audit, keys, migrate
from db.session import Database
from pipeline import notes as notes_module
from pipeline.key_check import KeyCheck
from pipeline.keys import Issued, NewKey, create
from pipeline.notes import Notes
from tests.api.keys_kit import eventually

SOMEBODY = Caller("abcdefabcdef", "door", frozenset([Scope.IDENTIFY]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kenal.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def issued(database: Database) -> Issued:
    with database.write() as session:
        return create(session, NewKey("door", frozenset([Scope.IDENTIFY])), LOCAL.id)


def last_used(database: Database, issued: Issued) -> datetime | None:
    with database.read() as session:
        return keys.get(session, issued.row.key_id).last_used_at


def is_written(threads: str = "notes") -> bool:
    return all(thread.name != threads for thread in threading.enumerate())


def test_a_use_is_noted_once_in_ten_minutes(database: Database, issued: Issued) -> None:
    notes, now, key_id = Notes(database), datetime.now(UTC), issued.row.key_id
    notes.key_used(key_id, None, now)
    eventually(lambda: last_used(database, issued) == now)
    notes.key_used(key_id, None, now + timedelta(minutes=9))
    notes.key_used(key_id, now + timedelta(minutes=5), now + timedelta(minutes=14))
    eventually(is_written)
    assert last_used(database, issued) == now
    later = now + timedelta(minutes=10)
    notes.key_used(key_id, now, later)
    eventually(lambda: last_used(database, issued) == later)


def test_a_busy_database_delays_nobody(database: Database, path: Path, issued: Issued) -> None:
    check = KeyCheck(database, Notes(database))
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        # Were it written at once, this would wait for the writer and raise Busy.
        assert check.caller(issued.text, None).name == "door"
        assert last_used(database, issued) is None
        writer.execute("ROLLBACK")
    eventually(lambda: last_used(database, issued) is not None)


def test_a_database_that_is_read_only_lets_callers_in(
    path: Path, database: Database, issued: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    database.close()
    frozen = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    notes = Notes(frozen)
    check = KeyCheck(frozen, notes)
    with caplog.at_level(logging.WARNING):
        assert check.caller(issued.text, None).name == "door"
        eventually(lambda: "given up" in caplog.text)
        notes.refused(SOMEBODY, "DELETE /users/<user_id>", "the-request")
        eventually(lambda: "not in the audit" in caplog.text)
        eventually(is_written)
    assert "the-request: forbidden, and not in the audit: DELETE /users/<user_id>" in caplog.text
    assert "Traceback" not in caplog.text
    assert str(path.parent) not in caplog.text
    assert issued.text[-43:] not in caplog.text
    frozen.close()


def test_all_refusals_of_many_threads_are_written(database: Database) -> None:
    notes = Notes(database)

    def refuse(number: int) -> None:
        for each in range(20):
            notes.refused(SOMEBODY, "GET /keys", f"{number}-{each}")

    threads = [threading.Thread(target=refuse, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def all_there() -> bool:
        with database.read() as session:
            names = [row.request_id for row in audit.page(session, None, 500)]
        return sorted(map(str, names)) == sorted(f"{a}-{b}" for a in range(8) for b in range(20))

    eventually(all_there)


def test_one_key_does_not_fill_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notes_module, "_MOST_REFUSED", 5)
    notes = Notes(database)
    other = Caller("bcdefabcdefa", "window", SOMEBODY.scopes)
    for number in range(20):
        notes.refused(SOMEBODY, "GET /keys", f"greedy-{number}")
    notes.refused(other, "GET /keys", "modest")
    eventually(is_written)
    with database.read() as session:
        kept = [row.request_id for row in audit.page(session, None, 100)]
    assert sorted(map(str, kept)) == [*(f"greedy-{number}" for number in range(5)), "modest"]
    assert caplog.text.count(SOMEBODY.id) == 1


def test_what_waits_is_bounded(
    database: Database,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(notes_module, "_MOST_WAITING", 3)
    notes = Notes(database)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            for number in range(10):
                notes.refused(SOMEBODY, "GET /keys", f"request-{number}")
        writer.execute("ROLLBACK")
    eventually(is_written)
    with database.read() as session:
        kept = {row.request_id for row in audit.page(session, None, 100)}
    lost = {f"request-{number}" for number in range(10)} - kept
    # At most one batch is being written and one waits; the others stand in the log.
    assert 3 <= len(kept) <= 6
    assert all(f"{name}: forbidden" in caplog.text for name in lost)


def test_a_process_without_threads_to_spare_serves_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    notes = Notes(database)
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(threading.Thread, "start", none_left)
        notes.refused(SOMEBODY, "GET /keys", "lost")
    assert "lost: forbidden, and not in the audit" in caplog.text
    notes.refused(SOMEBODY, "GET /keys", "kept")

    def is_kept() -> bool:
        with database.read() as session:
            return [row.request_id for row in audit.page(session, None, 10)] == ["kept"]

    eventually(is_kept)
