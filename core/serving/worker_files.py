"""The files in which gunicorn's workers share what they count, one set for each process.

The library maps them into memory. Written to where the disk has no room, such a map ends the
process with a signal, so their room is taken before. Imports nothing of the library: it decides
how to count when it is imported, and the first process must not decide for its workers.
"""

import os
import struct
from pathlib import Path

_NAMES = ("counter_{}.db", "histogram_{}.db", "gauge_livesum_{}.db")
_LIVE = "gauge_live*_{}.db"
_ROOM_BYTES = 1 << 20
"""Several times what all addresses, statuses and stages take."""
_USED = struct.Struct("i")


def clean(folder: Path) -> None:
    """An empty folder for a first process and its workers; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db*"):
        old.unlink(missing_ok=True)


def reserve(folder: Path, pid: int) -> None:
    """Take the room on the disk for a worker's counts; raises OSError where there is none."""
    paths = [folder / name.format(pid) for name in _NAMES]
    try:
        for path in paths:
            _make(path)
    except OSError:
        for path in paths:
            path.unlink(missing_ok=True)
            _unfinished(path).unlink(missing_ok=True)
        raise


def release(folder: Path, pid: int) -> None:
    """A worker ended: its gauges go, its counts stay, without the room they did not need."""
    for live in folder.glob(_LIVE.format(pid)):
        live.unlink(missing_ok=True)
    for name in _NAMES:
        path = folder / name.format(pid)
        if path.is_file():
            os.truncate(path, max(_USED.size, _used(path)))


def _make(path: Path) -> None:
    made = _unfinished(path)
    with made.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)
    # Whole when it can be seen: the other workers read all of them.
    made.rename(path)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _used(path: Path) -> int:
    with path.open("rb") as file:
        return int(_USED.unpack(file.read(_USED.size))[0])
