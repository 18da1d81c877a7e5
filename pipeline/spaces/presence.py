"""Which processes serve now, and which networks they have loaded: what a switch waits for.

A process holds a lock file for as long as it lives; the kernel frees it however that ends.
"""

import json
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from core.files import identity, write_atomic
from core.lease import lease

_FOLDER = "serving"


@dataclass(frozen=True, slots=True)
class Present:
    """A process that serves; `loaded` are the digests of the spaces that it can answer in."""

    pid: int
    loaded: frozenset[str]


class Presence:
    """What this process says of itself. Nothing is there before it says something."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / _FOLDER
        self._held = ExitStack()
        self._lock: Path | None = None
        self._inode: int | None = None
        self._said: list[str] | None = None

    def say(self, loaded: list[str]) -> None:
        """These spaces can be answered in from now on. Raises OSError."""
        if self._lock is None or _inode_of(self._lock) != self._inode:
            self._appear()
        if loaded != self._said and self._lock is not None:
            write_atomic(self._lock.with_suffix(".json"), json.dumps(loaded).encode())
            self._said = loaded  # Only now: where the disk is full it is said again.

    def end(self) -> None:
        """This process serves no longer."""
        if self._lock is not None:
            _remove(self._lock)
        self._held.close()
        self._lock = self._said = None

    def _appear(self) -> None:
        # Somebody may have taken the file of one that had not locked it yet for a dead one's.
        self.end()
        lock = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.lock"
        self._held.enter_context(lease(lock, wait=True))
        self._lock, self._inode = lock, _inode_of(lock)


def present(data_dir: Path) -> list[Present]:
    """Every process that serves now; what dead ones left is removed."""
    found = []
    for lock in sorted((data_dir / _FOLDER).glob("*.lock")):
        with lease(lock, wait=False) as is_free:
            if is_free:
                _remove(lock)
                continue
        found.append(Present(int(lock.stem.split("-")[0]), _loaded(lock)))
    return found


def _loaded(lock: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(lock.with_suffix(".json").read_bytes()))
    except (OSError, ValueError):
        return frozenset()  # It has said nothing yet.


def _remove(lock: Path) -> None:
    for path in (lock.with_suffix(".json"), lock):
        path.unlink(missing_ok=True)


def _inode_of(path: Path) -> int | None:
    found = identity(path)
    return None if found is None else found.inode
