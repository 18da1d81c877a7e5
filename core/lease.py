"""Lock files: one that a single process holds, and one by which many say that they are at it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lease(path: Path, wait: bool) -> Iterator[bool]:
    """Hold the lock file `path`; yields False at once where another holds it and `wait` is false.

    The kernel frees it with its holder, however that one dies.
    """
    with _opened(path) as descriptor:
        yield _lock(descriptor, wait)


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Until the end of the block `is_claimed(path)`; any number of processes may claim at once."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


def is_claimed(path: Path) -> bool:
    """Whether any living process claims `path`."""
    with lease(path, wait=False) as nobody:
        return not nobody


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
