"""Further spaces in the database: what a migration keeps, what a deletion takes, who is asked."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db import eras, faces, gallery, migrate, space_feed, spaces, users
from db.in_space import TABLES, Table
from db.session import Database
from db.space_feed import START, Place
from tests.fakes import spec
from tests.spaces_kit import FURTHER_SPEC

MIGRATIONS = Path(migrate.__file__).parents[1] / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kenal.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    yield database
    database.close()


def enroll(database: Database, user_id: str, embeds: bool = True) -> int:
    with database.write() as session:
        person = users.find_or_create(session, user_id)
        face_id = faces.add(session, person, spec(), np.ones(64, np.float32), {}).id
        if embeds:
            found = np.full(16, 0.123, np.float32)
            spaces.put(session, FURTHER_SPEC, face_id, found, None)
        return face_id


def to(database: Database, revision: str) -> None:
    with database.connect() as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_people_and_devices_live_through_the_migration(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    to(database, "0003")
    when = "'2026-01-05'"
    with database.write() as session:
        for statement in (
            "INSERT INTO specs VALUES (1, 'x', '{}')",
            "INSERT INTO users (id, user_id, folded_user_id, attributes, created_at, updated_at)"
            f" VALUES (1, 'anna', 'anna', '{{}}', {when}, {when})",
            f"INSERT INTO faces VALUES (1, 1, 1, x'00', '{{}}', 7, {when})",
            "UPDATE users SET face_id = 1",
            "INSERT INTO devices (device_id, name, active, created_at, updated_at)"
            f" VALUES ('door-1', 'Door', 1, {when}, {when})",
        ):
            session.execute(text(statement))
    migrate.upgrade(database)
    with database.read() as session:
        assert session.execute(text("SELECT face_id, name_seq FROM users")).all() == [(1, None)]
        assert session.execute(text("SELECT holds_gallery FROM devices")).all() == [(0,)]
        assert session.execute(text("SELECT id FROM faces")).all() == [(1,)]
        assert len(eras.of(session, 7)) == 16
    database.close()


def test_a_deleted_face_leaves_no_embedding_in_the_file(database: Database, path: Path) -> None:
    enroll(database, "anna")
    wanted = np.full(16, 0.123, np.float32).tobytes()

    def stored() -> bool:
        with database.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return wanted in path.read_bytes()

    assert stored()
    with database.write() as session:
        users.delete(session, users.get(session, "anna"))
    assert not stored()
    with database.read() as session:
        assert spaces.codes(session, FURTHER_SPEC) == {}
        assert faces.count(session, FURTHER_SPEC) == spaces.pending(session, FURTHER_SPEC) == 0


def test_what_is_put_twice_stays_as_it_was(database: Database) -> None:
    face_id = enroll(database, "anna")
    with database.write() as session:
        last = gallery.last_seq(session)
        assert spaces.put(session, FURTHER_SPEC, face_id, None, "vanished")
        assert gallery.last_seq(session) == last
        assert spaces.codes(session, FURTHER_SPEC) == {}
        assert not spaces.put(session, FURTHER_SPEC, face_id + 1, None, "vanished")


def test_only_a_new_name_of_somebody_with_a_face_is_a_change(database: Database) -> None:
    enroll(database, "anna")
    with database.write() as session:
        bert = users.create(session, "bert")
        last = gallery.last_seq(session)
        users.set_profile(bert, {"name": "Bert"})
        anna = users.get(session, "anna")
        users.set_profile(anna, {"email": "a@example.org"})
        users.set_profile(anna, {"name": None})
        assert gallery.last_seq(session) == last
        users.set_profile(anna, {"name": "Anna"})
        assert gallery.last_seq(session) == last + 1


@pytest.mark.parametrize("own", [True, False])
def test_faces_of_one_name_are_told_one_by_one(database: Database, own: bool) -> None:
    ids = [enroll(database, "anna") for _ in range(3)]
    with database.write() as session:
        users.set_profile(users.get(session, "anna"), {"name": "Anna"})
    space = spec() if own else FURTHER_SPEC
    place, seen = START, []
    with database.read() as session:
        last = gallery.last_seq(session)
        for _ in range(3):
            span = space_feed.span(session, space, after=place, born=0, limit=1)
            place = span.upto
            seen.append(place)
        assert span.complete
    assert seen == [Place(last, face_id) for face_id in ids]


def test_an_era_is_of_those_changes_that_follow_it(database: Database) -> None:
    with database.write() as session:
        first = eras.of(session, 0)
        eras.begin(session)
        assert eras.of(session, 0) == first
        unused = eras.of(session, 1)
        eras.begin(session)
        assert eras.of(session, 1) not in (first, unused)
        second = eras.of(session, 1)
    enroll(database, "anna")
    with database.write() as session:
        eras.begin(session)
        assert eras.of(session, gallery.last_seq(session)) == second
        assert eras.of(session, gallery.last_seq(session) + 1) != second


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("table", TABLES)
def test_no_page_is_found_by_looking_at_everybody(
    database: Database, own: bool, table: Table
) -> None:
    enroll(database, "anna")
    space, after = spec() if own else FURTHER_SPEC, Place(5)
    with database.read() as session:
        connection = session.connection()
        for select in (space_feed._came, space_feed._renamed):
            statement = select(session, space, table, after).limit(10).compile(connection)
            explained = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}",
                tuple(statement.params[name] for name in statement.positiontup or ()),
            )
            plan = [row[3] for row in explained]
            assert plan
            assert not [line for line in plan if line.startswith("SCAN")], plan
