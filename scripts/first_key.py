"""The first admin key, for whoever starts Kenal at a terminal."""

from typing import TextIO

from core.settings import Auth, Settings
from db.session import Database
from pipeline.key_admin import first_admin_key, has_live_admin

_NO_ADMIN = """
No admin key is there. Make one: .venv/bin/flask keys create admin --name NAME

"""
_FIRST = """
Requests need a key. This is the first, an admin's; it is shown this once, so keep it safe:

  {key}

For other programs make keys of their own: .venv/bin/flask keys create --help

"""


def see_to_keys(settings: Settings, database: Database, terminal: TextIO) -> None:
    """Make and show the first admin key; where nobody would see it, or one ended, say how."""
    if settings.auth is Auth.OFF or has_live_admin(database):
        return
    # What a service writes is kept in a log, and a log is no place for a key.
    made = first_admin_key(database) if terminal.isatty() else None
    if made is None:
        terminal.write(_NO_ADMIN)
    else:
        terminal.write(_FIRST.format(key=made.text))
    terminal.flush()
