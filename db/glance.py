"""What a start asks of the database before it decides to prepare anything, without SQLAlchemy."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_SQLITE = "sqlite:///"
_CHOSEN = "SELECT embedder, reason, spec_id FROM gallery WHERE id = 1"
_KEYS = (
    "SELECT scopes FROM api_keys"
    " WHERE revoked_at IS NULL AND expires_at IS NULL AND retires_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Glance:
    """The schema, the recorded embedder with its reason and space, and whether an admin is left.

    `has_admin` counts only keys that never end: where there is none, another may still be good.
    """

    revision: str
    embedder: str
    reason: str
    spec_id: int
    has_admin: bool


def glance(url: str) -> Glance | None:
    """A look at the SQLite database of `url`, which changes nothing.

    None where it is another database, none, or one that this cannot read: then find out properly.
    """
    path = Path(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or "?" in url or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            [revision] = database.execute("SELECT version_num FROM alembic_version").fetchone()
            embedder, reason, spec_id = database.execute(_CHOSEN).fetchone()
            admins = [row for (row,) in database.execute(_KEYS) if "admin" in json.loads(row)]
    except (sqlite3.Error, TypeError, ValueError):
        return None
    if embedder is None or spec_id is None:
        return None
    return Glance(revision, embedder, reason or "", spec_id, bool(admins))
