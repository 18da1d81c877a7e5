"""The queue: who is due, who is claimed, and how little it costs where nobody wants to know."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from core.errors import NotFound
from db import deliveries, migrate, webhooks
from db.session import Database
from pipeline.webhooks import hooks
from pipeline.webhooks.events import EventType, emit
from tests.webhook_kit import rows, subscribe

NOW = datetime.now(UTC)
LATER = timedelta(hours=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    yield database
    database.close()


def announce(database: Database, *user_ids: str) -> None:
    with database.write() as session:
        for user_id in user_ids:
            emit(session, EventType.DELETED, {"user_id": user_id}, user_id)


def claim(database: Database, webhook_id: int, now: datetime) -> deliveries.Attempt | None:
    with database.write() as session:
        return deliveries.claim(session, webhook_id, now, lambda n: now + n * LATER)


def due(database: Database, now: datetime) -> list[int]:
    with database.read() as session:
        return deliveries.due_webhooks(session, now)


def test_one_message_for_all_who_want_it(database: Database) -> None:
    for events in (["deleted"], ["enrolled"], ["deleted", "enrolled"]):
        subscribe(database, "https://hooks.example/", events)
    announce(database, "ann")
    assert [row.webhook_id for row in rows(database)] == [1, 3]
    assert len({row.message_id for row in rows(database)}) == 1


def test_a_webhook_made_by_another_process_misses_nothing(database: Database) -> None:
    announce(database, "ann")
    other = Database(database.connect().engine.url.render_as_string())
    subscribe(other, "https://hooks.example/")
    other.close()
    announce(database, "bob")
    assert [row.user_id for row in rows(database)] == ["bob"]


def test_one_question_where_nobody_wants_to_know(database: Database) -> None:
    asked: list[str] = []
    with database.write() as session:
        bind = session.get_bind()
        event.listen(bind, "before_cursor_execute", lambda *args: asked.append(args[2]))
        emit(session, EventType.DELETED, {"user_id": "ann"})
    assert len(asked) == 1


def test_claimed_oldest_first_and_counted_before_it_is_sent(database: Database) -> None:
    subscribe(database, "https://hooks.example/")
    announce(database, "ann", "bob")
    now = datetime.now(UTC)
    assert due(database, now) == [1]
    first, second = claim(database, 1, now), claim(database, 1, now)
    assert first is not None
    assert second is not None
    assert (first.delivery_id, second.delivery_id, first.number) == (1, 2, 1)
    assert claim(database, 1, now) is None
    assert due(database, now) == []
    again = claim(database, 1, now + LATER)
    assert again is not None
    assert (again.delivery_id, again.number, again.message_id) == (1, 2, first.message_id)
    assert rows(database)[0].next_attempt_at == now + LATER + 2 * LATER


def test_one_that_is_not_active_is_not_due(database: Database) -> None:
    subscribe(database, "https://hooks.example/")
    announce(database, "ann")
    with database.write() as session:
        webhooks.get(session, 1).active = False
    later = datetime.now(UTC) + LATER
    assert due(database, later) == []
    assert claim(database, 1, later) is None
    assert claim(database, 7, later) is None


@pytest.mark.parametrize("statement", ["due", "claim", "give_up"])
def test_a_long_log_is_not_read(database: Database, statement: str) -> None:
    subscribe(database, "https://hooks.example/")
    seen: list[tuple[str, object]] = []
    with database.write() as session:
        bind = session.get_bind()
        event.listen(bind, "before_cursor_execute", lambda *a: seen.append((a[2], a[3])))
        if statement == "due":
            deliveries.due_webhooks(session, NOW)
        elif statement == "claim":
            deliveries.claim(session, 1, NOW, lambda n: NOW)
        else:
            deliveries.give_up(session, NOW, "x")
        plans = [
            str(row[3])
            for sql, values in list(seen)
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]
        ]
    about = [plan for plan in plans if "deliveries" in plan]
    assert about
    for plan in about:
        assert "ix_deliveries_webhook_id_status_next_attempt_at" in plan, plan


def test_a_long_log_is_removed_in_parts(database: Database) -> None:
    """Other writers get in between: a door does not wait for a million rows."""
    one = subscribe(database, "https://hooks.example/")
    subscribe(database, "https://other.example/")
    announce(database, *map(str, range(2500)))
    changes = [0]
    with database.connect() as connection:
        engine = connection.engine

    def note(connection: Connection) -> None:
        changes.append(connection.connection.total_changes)

    event.listen(engine, "commit", note)
    hooks.remove(database, one.id, lambda session, row: None)
    assert max(after - before for before, after in pairwise(changes[1:])) < 1100
    assert {row.webhook_id for row in rows(database)} == {2}
    with pytest.raises(NotFound), database.read() as session:
        webhooks.get(session, one.id)


def test_deliveries_go_with_their_webhook(database: Database) -> None:
    subscribe(database, "https://hooks.example/")
    announce(database, "ann")
    with database.write() as session:
        webhooks.remove(session, webhooks.get(session, 1))
        left = session.execute(text("SELECT count(*) FROM deliveries")).scalar()
    assert left == 0
