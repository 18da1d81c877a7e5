"""The watcher's heartbeat: a small file that tells other processes how it is."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from core.settings import Settings
from pipeline.gallery import LiveGallery, Repair, Work

_NAME = "watcher.json"
_STALE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`state` of the watch, photos `waiting`, and what the watcher does to the index.

    `work` is a running build with stage, done and total, `repair` its last one with at and what.
    """

    state: str
    waiting: int
    work: dict[str, object] | None
    repair: dict[str, object] | None


def beat(settings: Settings, state: str, waiting: int, gallery: LiveGallery) -> None:
    """Write the heartbeat; raises OSError."""
    said = Heartbeat(state, waiting, told_work(gallery.work), told_repair(gallery.repair))
    path = heartbeat_path(settings)
    # Not synced to disk: a heartbeat is worth nothing after a power cut.
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"at": time.time(), **asdict(said)}), encoding="ascii")
    temporary.replace(path)


def last_beat(settings: Settings) -> Heartbeat | None:
    """What a watcher that runs said last; None where none does."""
    try:
        said = json.loads(heartbeat_path(settings).read_bytes())
        if not time.time() - float(said["at"]) < _STALE_SECONDS:
            return None
        return Heartbeat(
            str(said["state"]),
            int(said["waiting"]),
            _object(said.get("work")),
            _object(said.get("repair")),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def heartbeat_path(settings: Settings) -> Path:
    return settings.data_dir / _NAME


def told_work(work: Work | None) -> dict[str, object] | None:
    return None if work is None else asdict(work)


def told_repair(repair: Repair | None) -> dict[str, object] | None:
    if repair is None:
        return None
    return {"at": repair.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "what": repair.what}


def _object(value: object) -> dict[str, object] | None:
    return value if isinstance(value, dict) else None
