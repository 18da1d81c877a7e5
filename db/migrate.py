"""Bring a database to the schema this code needs, and tell whether it is there."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import text

from core.errors import NotReady
from db.session import Database

_SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"
_REVISION = re.compile(r'^(revision|down_revision) = "([^"]+)"$', re.MULTILINE)


def upgrade(database: Database) -> None:
    """Run every migration that is missing, in one transaction; nothing happens twice."""
    # Half a second, which no process needs that finds its database as it should be.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with database.connect() as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_current(database: Database) -> None:
    """Raises NotReady, with the command that helps, unless the schema is this code's."""
    with database.read() as session:
        current = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current != head():
        raise NotReady("the database is not set up for this version; run: flask db upgrade")


@cache
def head() -> str:
    """The schema of the code that runs; a later one on the disk is that of another process."""
    names: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for script in (_SCRIPTS / "versions").glob("*.py"):
        for kind, name in _REVISION.findall(script.read_text()):
            names[kind].add(name)
    [newest] = names["revision"] - names["down_revision"]
    return newest
