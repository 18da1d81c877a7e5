"""Registrations that the server has not answered yet: files, kept through power cuts.

A folder a registration: `job.json`, and a picture for every sample that is still to be sent. The
pictures that are there are the truth: whatever was answered is deleted.
"""

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.registering.types import RegisterError

FOLDER = "registrations"
MOST_JOBS = 1000
_JOB, _NEW, _SUFFIX = "job.json", ".new-", ".jpg"
_LEFT_BEHIND_S = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One person's registration. `is_fixed`: no other user_id will do, for it is known already."""

    id: str
    user_id: str
    name: str
    is_fixed: bool


class Waiting:
    """The registrations in `folder`/registrations; several processes may look at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = self._folder = folder / FOLDER

    def add(self, user_id: str, name: str, is_fixed: bool, jpegs: Sequence[bytes]) -> Job:
        """Keeps a registration whole or not at all; raises RegisterError."""
        job = Job(f"{time.time_ns():020d}-{uuid.uuid4().hex}", user_id, name, is_fixed)
        new = self._folder / f"{_NEW}{job.id}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            if len(self._places()) >= MOST_JOBS:
                raise RegisterError(f"{MOST_JOBS} registrations wait for the server already")
            new.mkdir(mode=0o700)
            for number, jpeg in enumerate(jpegs, 1):
                _write(new / f"{number:03d}{_SUFFIX}", jpeg)
            _write(new / _JOB, _text(job))
            _settle(new)
            new.rename(self._folder / job.id)
            _settle(self._folder)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise RegisterError(f"the pictures cannot be kept: {error.strerror}") from None
        return job

    def jobs(self) -> list[Job]:
        """Those that can be read, oldest first."""
        return [job for place in self._places() if (job := _read(place)) is not None]

    def broken(self) -> int:
        """How many cannot be read."""
        return len(self._places()) - len(self.jobs())

    def samples(self, job: Job) -> list[str]:
        """The names of the samples that are still to be sent."""
        place = self._folder / job.id
        try:
            return sorted(one.stem for one in place.iterdir() if one.suffix == _SUFFIX)
        except FileNotFoundError:
            return []

    def jpeg(self, job: Job, sample: str) -> bytes | None:
        """The picture; None where another process was faster."""
        try:
            return (self._folder / job.id / f"{sample}{_SUFFIX}").read_bytes()
        except FileNotFoundError:
            return None

    def answered(self, job: Job, sample: str) -> None:
        """This picture is needed no more."""
        (self._folder / job.id / f"{sample}{_SUFFIX}").unlink(missing_ok=True)

    def changed(self, job: Job, user_id: str, is_fixed: bool) -> Job:
        """The same registration under this user_id."""
        changed = Job(job.id, user_id, job.name, is_fixed)
        place = self._folder / job.id
        _write(place / f"{_JOB}.new", _text(changed))
        (place / f"{_JOB}.new").replace(place / _JOB)
        _settle(place)
        return changed

    def end(self, job: Job) -> None:
        """Forgets a registration with all its pictures."""
        shutil.rmtree(self._folder / job.id, ignore_errors=True)

    def _places(self) -> list[Path]:
        try:
            found = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return []
        return [one for one in found if not one.name.startswith(".") and one.is_dir()]

    def _sweep(self) -> None:
        """Deletes what a process that died left half made."""
        for place in self._folder.glob(f"{_NEW}*"):
            with contextlib.suppress(OSError):
                if abs(time.time() - place.stat().st_mtime) > _LEFT_BEHIND_S:
                    shutil.rmtree(place, ignore_errors=True)


def _read(place: Path) -> Job | None:
    try:
        told = json.loads((place / _JOB).read_bytes())
        user_id, name, is_fixed = told["user_id"], told["name"], told["is_fixed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(user_id, str) or not isinstance(name, str) or not isinstance(is_fixed, bool):
        return None
    return Job(place.name, user_id, name, is_fixed)


def _text(job: Job) -> bytes:
    return json.dumps(asdict(job), ensure_ascii=False).encode()


def _write(place: Path, data: bytes) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


def _settle(folder: Path) -> None:
    """The names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
