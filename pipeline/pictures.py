"""Pictures of check-ins, where they are kept: one folder a day, deleted after their time.

A picture is on the disk before its event is committed. What no event speaks of, after a crash or
a person's deletion, is swept.
"""

import json
import logging
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from core import files
from core.errors import KenalError, NotFound
from core.lease import lease
from core.settings import KeepPictures, Settings
from core.types import Decision
from db import checkins
from db.checkin_models import CheckIn
from db.session import Database
from pipeline.images.headers import sniff

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 3600.0
_ORPHAN_SECONDS = 3600.0
"""Longer than any check-in takes from its picture to its commit."""
_LEAP_SECONDS = 30 * 86400.0
_BELIEVED_SECONDS = 86400.0
"""A clock that leapt and has run on for so long since is right: the pause was long."""
_AT_ONCE = 500
_SWEPT = "swept.json"


def pictures_folder(settings: Settings) -> Path:
    return settings.data_dir / "checkins"


@dataclass(slots=True)
class Kept:
    """Whether the event of a picture was recorded with it."""

    is_recorded: bool = False


class Pictures:
    """The kept pictures of one service; for any number of threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._folder = pictures_folder(settings)
        self._keep = settings.keep_pictures

    @contextmanager
    def kept(self, event: CheckIn, photo: bytes) -> Iterator[Kept]:
        """Write the picture and name it in `event`, where it is to be kept.

        It is removed again where the block does not say that the event was recorded. Raises
        StorageFull.
        """
        kept = Kept()
        if not self._wants(Decision(event.decision)):
            yield kept
            return
        # Of two requests with one event_id, neither may take the other's picture away.
        kind, mark = sniff(photo), secrets.token_hex(4)
        name = f"{_day(event.received_at)}/{event.event_id}.{mark}.{kind}"
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        files.sync_directory(self._folder)
        files.write_atomic(path, photo)
        event.picture = name
        try:
            yield kept
        finally:
            if not kept.is_recorded:
                path.unlink(missing_ok=True)

    def read(self, event: CheckIn, max_bytes: int) -> tuple[bytes, str]:
        """The picture and its kind; raises NotFound where there is none."""
        if event.picture is None:
            raise NotFound("no picture of this check-in is kept")
        try:
            data, _ = files.read_regular(self._folder / event.picture, max_bytes)
        except KenalError:
            raise NotFound("no picture of this check-in is kept") from None
        return data, event.picture.rsplit(".", 1)[-1]

    def _wants(self, decision: Decision) -> bool:
        if self._keep is KeepPictures.UNRECOGNIZED:
            return decision is not Decision.MATCH
        return self._keep is KeepPictures.ALL


def remove(folder: Path, names: Sequence[str]) -> None:
    """Delete pictures that no event has any more; what fails is left to the sweep."""
    for name in names:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


class PictureSweep:
    """Deletes pictures whose time is over or that no event has; `run` it again and again."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._folder = pictures_folder(settings)
        self._days = timedelta(days=settings.keep_pictures_days)
        self._next = float("-inf")

    def run(self, now: float | None = None) -> None:
        """Sweep where it is due, in one process at a time; `now` is the wall clock's time."""
        if time.monotonic() < self._next or not self._folder.is_dir():
            return
        self._next = time.monotonic() + _SWEEP_SECONDS
        try:
            with lease(self._folder / "sweep.lock", wait=False) as ours:
                if ours:
                    self.sweep(time.time() if now is None else now)
        except (KenalError, OSError) as error:
            _log.warning("pictures of check-ins could not be swept: %s", type(error).__name__)

    def sweep(self, now: float) -> None:
        """Delete what is too old or nobody's; nothing while the clock is in doubt."""
        if not _is_believed(self._folder / _SWEPT, now):
            return
        oldest = datetime.fromtimestamp(now, UTC).date() - self._days
        for folder in sorted(self._folder.iterdir()):
            day = _day_of(folder)
            if day is not None and day < oldest:
                self._forget(folder)
            elif day is not None:
                self._sweep_orphans(folder, now)

    def _forget(self, folder: Path) -> None:
        for names in _parts(folder):
            with self._database.write() as session:
                checkins.forget_pictures(session, names)
        shutil.rmtree(folder)

    def _sweep_orphans(self, folder: Path, now: float) -> None:
        for names in _parts(folder):
            with self._database.read() as session:
                known = checkins.with_pictures(session, names)
            for path in (self._folder / name for name in names if name not in known):
                with suppress(FileNotFoundError):
                    if now - path.stat().st_mtime > _ORPHAN_SECONDS:
                        path.unlink()


def _is_believed(path: Path, now: float) -> bool:
    """Whether the clock can be trusted to say what is old; notes this look at it."""
    last, doubted = _last_looks(path)
    leapt = last is not None and now - last > _LEAP_SECONDS
    if leapt and (doubted is None or now < doubted):
        _log.warning("the clock leapt by more than 30 days: no picture is deleted for a day")
        _note(path, last, now)
        return False
    if leapt and doubted is not None and now - doubted < _BELIEVED_SECONDS:
        return False
    _note(path, now, None)
    return True


def _last_looks(path: Path) -> tuple[float | None, float | None]:
    """When it was swept last, and since when the clock has been in doubt."""
    try:
        said = json.loads(path.read_bytes())
        doubted = said["doubted_since"]
        return float(said["at"]), None if doubted is None else float(doubted)
    except (OSError, ValueError, LookupError, TypeError):
        return None, None


def _note(path: Path, at: float | None, doubted_since: float | None) -> None:
    text = json.dumps({"at": at, "doubted_since": doubted_since})
    files.write_atomic(path, text.encode("ascii"))


def _parts(folder: Path) -> Iterator[list[str]]:
    """The names of the folder's pictures, some at a time."""
    names = sorted(f"{folder.name}/{path.name}" for path in folder.iterdir())
    for at in range(0, len(names), _AT_ONCE):
        yield names[at : at + _AT_ONCE]


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _day_of(folder: Path) -> date | None:
    try:
        return date.fromisoformat(folder.name) if folder.is_dir() else None
    except ValueError:
        return None
