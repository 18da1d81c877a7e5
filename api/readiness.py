"""What must be there before photos can be recognized, each looked at by itself."""

import json
import os
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import KenalError
from db import migrate
from pipeline.chores import HEARTBEAT_NAME
from pipeline.services import Services

READY = "ready"
DEGRADED = "degraded"
FAILED = "not_ready"
_STALE_SECONDS = 15.0
_WATCHING = frozenset(["events", "scans_only"])
Check = dict[str, object]


def check_all(services: Services) -> tuple[str, dict[str, Check]]:
    """The service's status and every check's: `ready`, `degraded` or `not_ready`."""
    checks = {name: _checked(check, services) for name, check in _CHECKS.items()}
    found = [check["status"] for check in checks.values()]
    status = next((worse for worse in (FAILED, DEGRADED) if worse in found), READY)
    return status, checks


def _checked(check: Callable[[Services], Check], services: Services) -> Check:
    try:
        return check(services)
    except KenalError as error:
        return {"status": FAILED, "code": error.code, "message": error.message}


def _database(services: Services) -> Check:
    with services.database.read() as session:
        session.connection()
    return {"status": READY}


def _schema(services: Services) -> Check:
    migrate.check_current(services.database)
    return {"status": READY}


def _embedder(services: Services) -> Check:
    chosen = services.engine().chosen
    return {"status": READY, "embedder": chosen.embedder, "reason": chosen.reason}


def _gallery(services: Services) -> Check:
    # Counting catches up with the database first: what is answered is true now.
    return {"status": READY, "faces": services.engine().gallery.count}


def _drop_folder(services: Services) -> Check:
    if os.access(services.settings.photo_dir, os.R_OK | os.W_OK | os.X_OK):
        return {"status": READY}
    return {"status": FAILED, "message": "the drop folder is missing or cannot be written"}


def _watcher(services: Services) -> Check:
    """Without a watcher photos are still recognized; dropped ones only wait."""
    try:
        beat = json.loads((services.settings.data_dir / HEARTBEAT_NAME).read_bytes())
        age, state, waiting = time.time() - float(beat["at"]), str(beat["state"]), beat["waiting"]
    except (OSError, ValueError, LookupError, TypeError):
        age, state, waiting = _STALE_SECONDS, "", None
    if not age < _STALE_SECONDS:
        return {"status": DEGRADED, "message": "not running"}
    status = READY if state in _WATCHING else DEGRADED
    return {"status": status, "message": state, "waiting": waiting}


_CHECKS: Mapping[str, Callable[[Services], Check]] = MappingProxyType(
    {
        "database": _database,
        "schema": _schema,
        "embedder": _embedder,
        "gallery": _gallery,
        "drop_folder": _drop_folder,
        "watcher": _watcher,
    }
)
