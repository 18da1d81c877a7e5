"""What must be there before photos can be recognized, each looked at by itself."""

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from core.errors import KenalError
from db import counts, migrate
from pipeline.heartbeat import last_beat, told_repair, told_work
from pipeline.services import Services
from pipeline.standing import Standing, standing

READY = "ready"
DEGRADED = "degraded"
FAILED = "not_ready"
_WATCHING = frozenset(["events", "scans_only"])
_LEAST_FREE_BYTES = 1_000_000_000
"""Room for the photos of an hour, and to see it before it is gone."""
_MOST_OVERDUE = timedelta(minutes=5)
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
    """Names are right whatever is wrong with the index: then it only takes longer to find them."""
    gallery = services.engine().gallery
    # Catching up with the database first: what is answered is true now.
    fault = gallery.catch_up()
    index = gallery.index.status()
    watcher = last_beat(services.settings)
    said: Check = {
        "status": READY,
        "faces": gallery.count_with(fault),
        "segments": len(index.segments),
        "delta": index.delta,
        "tombstones": index.tombstones,
        "covered": index.covered,
        "position": index.position,
        "build": told_work(gallery.work) or (watcher.work if watcher else None),
        "repaired": told_repair(gallery.repair) or (watcher.repair if watcher else None),
    }
    if fault is not None:
        said["message"] = f"{fault}; every face is compared until it is made anew"
    elif index.degraded is not None or gallery.index.problem is not None:
        said["message"] = index.degraded or "a part of the index is damaged; it is made anew"
    return said if "message" not in said else {**said, "status": DEGRADED}


def _threshold(services: Services) -> Check:
    """The threshold of now, and how many strangers it lets through as far as that is known."""
    engine = services.engine()
    own = engine.analyzer.default_threshold
    with services.database.read() as session:
        found = standing(session, services.settings, engine.chosen.spec, own)
    said: Check = {
        "status": READY,
        "threshold": round(found.threshold.value, 4),
        "origin": found.threshold.origin,
        "calibration": found.threshold.in_force,
        **_false_names(found),
    }
    return said if found.warning is None else {**said, "warning": found.warning}


def _false_names(found: Standing) -> Check:
    """Shares of searches for strangers that give a name; `null` where nobody measured it."""
    fpir = found.fpir()
    shown = None if fpir is None else {"low": _digits(fpir.low), "high": _digits(fpir.high)}
    return {"expected_fpir": shown, "estimated_from": found.basis, "faces": found.faces}


def _digits(rate: float) -> float:
    return float(f"{rate:.3g}")


def _drop_folder(services: Services) -> Check:
    if os.access(services.settings.photo_dir, os.R_OK | os.W_OK | os.X_OK):
        return {"status": READY}
    return {"status": FAILED, "message": "the drop folder is missing or cannot be written"}


def _watcher(services: Services) -> Check:
    """Without a watcher photos are still recognized; dropped ones only wait."""
    beat = last_beat(services.settings)
    if beat is None:
        return {"status": DEGRADED, "message": "not running"}
    status = READY if beat.state in _WATCHING else DEGRADED
    return {"status": status, "message": beat.state, "waiting": beat.waiting}


def _queue(services: Services) -> Check:
    """The photos of this process; a full queue is said, since the next photo is `busy`."""
    settings = services.settings
    waiting = services.engine().recognizer.turns.waiting
    said: Check = {"waiting": waiting, "queue": settings.queue, "at_once": settings.working_photos}
    if settings.queue and waiting >= settings.queue:
        return {"status": DEGRADED, "message": "full: more photos are busy", **said}
    return {"status": READY, **said}


def _webhooks(services: Services) -> Check:
    """Deliveries that are due are sent within moments; otherwise nobody sends them."""
    with services.database.read() as session:
        late = counts.overdue(session, datetime.now(UTC))
    said: Check = {"overdue_seconds": int(late.total_seconds())}
    if late > _MOST_OVERDUE:
        return {"status": DEGRADED, "message": "deliveries are due and not sent", **said}
    return {"status": READY, **said}


def _disk(services: Services) -> Check:
    settings = services.settings
    try:
        data = shutil.disk_usage(settings.data_dir).free
        photos = shutil.disk_usage(settings.photo_dir).free
    except OSError:
        return {"status": DEGRADED, "message": "the room on the disk cannot be found out"}
    said: Check = {"data_free_mb": data // 1_000_000, "photos_free_mb": photos // 1_000_000}
    if min(data, photos) < _LEAST_FREE_BYTES:
        return {"status": DEGRADED, "message": "the disk is nearly full", **said}
    return {"status": READY, **said}


_CHECKS: Mapping[str, Callable[[Services], Check]] = MappingProxyType(
    {
        "database": _database,
        "schema": _schema,
        "embedder": _embedder,
        "gallery": _gallery,
        "threshold": _threshold,
        "drop_folder": _drop_folder,
        "watcher": _watcher,
        "queue": _queue,
        "webhooks": _webhooks,
        "disk": _disk,
    }
)
