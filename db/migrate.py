"""Bring a database to the schema this code needs, and tell whether it is there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import NotReady
from db.session import Database

_SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


def upgrade(database: Database) -> None:
    """Run every migration that is missing, in one transaction; nothing happens twice."""
    with database.connect() as connection, connection.begin():
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_current(database: Database) -> None:
    """Raises NotReady, with the command that helps, unless the schema is this code's."""
    with database.read() as session:
        current = MigrationContext.configure(session.connection()).get_current_revision()
    if current != _head():
        raise NotReady("the database is not set up for this version; run: flask db upgrade")


@cache
def _head() -> str | None:
    """The schema of the code that runs; a later one on the disk is that of another process."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config
