"""The first admin key: made for a terminal, never for a log."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.access import LOCAL, Scope
from core.settings import Auth, Settings
from db import keys, migrate
from db.session import Database
from pipeline.key_admin import KeyAdmin
from pipeline.key_check import KeyCheck
from pipeline.keys import FORM, NewKey
from pipeline.notes import Notes
from scripts.announce import welcome
from scripts.first_key import see_to_keys

REQUIRED = Settings(auth=Auth.REQUIRED)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    yield database
    database.close()


def said(database: Database, settings: Settings = REQUIRED) -> str:
    terminal = Terminal()
    see_to_keys(settings, database, terminal)
    return terminal.getvalue()


def test_a_terminal_is_shown_a_working_key_once(database: Database) -> None:
    (found,) = FORM.finditer(said(database))
    caller = KeyCheck(database, Notes(database)).caller(found[0], None)
    assert caller.scopes == {Scope.ADMIN}
    assert said(database) == ""


def test_a_log_is_shown_how_to_make_one(database: Database) -> None:
    log = io.StringIO()
    see_to_keys(REQUIRED, database, log)
    assert "flask keys create admin" in log.getvalue()
    assert FORM.search(log.getvalue()) is None
    with database.read() as session:
        assert keys.count(session) == 0


def test_where_admins_ended_none_is_made(database: Database) -> None:
    admin = KeyAdmin(database, LOCAL)
    made = admin.create(NewKey("boss", frozenset([Scope.ADMIN])))
    assert said(database) == ""
    admin.revoke(made.row.key_id)
    assert "flask keys create admin" in said(database)
    assert FORM.search(said(database)) is None


def test_without_keys_nothing_is_said(database: Database) -> None:
    assert said(database, Settings(auth=Auth.OFF)) == ""
    with database.read() as session:
        assert keys.count(session) == 0


def test_the_welcome_shows_where_the_key_goes() -> None:
    assert "X-API-Key: $KEY" in welcome(REQUIRED, "127.0.0.1")
    assert "X-API-Key" not in welcome(Settings(auth=Auth.OFF), "127.0.0.1")
