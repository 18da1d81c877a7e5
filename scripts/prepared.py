"""Whether everything is as the last preparation left it, so that a start need not prepare again.

A preparation writes down what it looked at, in DATA_DIR/prepared.json. A start takes that note
away and puts it back once the service is ready: networks are compared with their hashes when they
are loaded, so that a note in its place also says that they were right. After a start that did not
come so far, and after any change, everything is prepared in full.
"""

import hashlib
import json
import sysconfig
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from core.errors import StorageFull
from core.files import identity, write_atomic
from core.settings import Auth, Settings
from db.glance import glance

_ROOT = Path(__file__).resolve().parent.parent
# What decides how networks and database have to be.
_CODE = ("migrations/versions/*.py", "pipeline/models/*.py", "scripts/*.py", "db/migrate.py")
_NOTE, _TAKEN = "prepared.json", "prepared.starting.json"


def as_left(settings: Settings) -> str | None:
    """What to tell of a service that is as its last preparation left it; None where it is not."""
    try:
        note = json.loads(note_path(settings).read_bytes())
        files = {str(path): str(found) for path, found in note["files"].items()}
        if note != _note(settings, files) or files != identities(map(Path, files)):
            return None
        database = note["database"]
        return f"Embedder of this gallery: {database['embedder']} ({database['reason']})."
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def write_down(settings: Settings, files: Iterable[Path]) -> None:
    """Note that everything is prepared, with these files; a disk that refuses costs only time."""
    try:
        note = _note(settings, identities([*files, Path(sysconfig.get_path("purelib"))]))
        write_atomic(note_path(settings), json.dumps(note).encode())
    except (OSError, StorageFull, ValueError):
        note_path(settings).unlink(missing_ok=True)


def take(settings: Settings) -> tuple[Path, Path] | None:
    """Take the note away; where it is now and where it belongs, None where there is none."""
    taken, place = note_path(settings).with_name(_TAKEN), note_path(settings)
    try:
        place.replace(taken)
    except OSError:
        return None
    return taken, place


def note_path(settings: Settings) -> Path:
    return settings.data_dir / _NOTE


def identities(files: Iterable[Path]) -> dict[str, str]:
    """What tells of each file, links followed, whether it is still the same."""
    return {str(path.absolute()): str(identity(path.resolve())) for path in files}


def _note(settings: Settings, files: dict[str, str]) -> dict[str, object]:
    database = glance(settings.resolved_database_url)
    if database is None or (settings.auth is Auth.REQUIRED and not database.has_admin):
        raise ValueError("nothing can be noted of this database")
    asked = (settings.embedder, settings.models_path.absolute(), settings.device)
    return {
        "settings": [str(value) for value in asked],
        "database": asdict(database),
        "code": _code(),
        "files": files,
    }


def _code() -> str:
    digest = hashlib.sha256()
    for pattern in _CODE:
        for path in sorted(_ROOT.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
