"""What can go wrong with an index on disk."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ServiceError, StorageFull

_FULL = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])


class IndexDamaged(Exception):
    """What is on disk cannot be used as it is; the database can rebuild all of it.

    Never shown to a user: its text names a file of the index and what is wrong with it.
    """


class WentBack(Exception):
    """The index was made anew for an earlier seq than the caller had brought it to."""


class CannotStart(Exception):
    """The builder is a process that cannot be started here."""


class BuildFailed(ServiceError):
    """A segment could not be built; what was published before stays."""

    code = "internal"
    retryable = True


@contextmanager
def room_for(directory: Path, estimate: int) -> Iterator[None]:
    """Raise StorageFull where `directory` has no room for `estimate` bytes, or runs out of it."""
    if shutil.disk_usage(directory).free < estimate:
        raise StorageFull("the disk has no room for the index")
    try:
        yield
    except OSError as error:
        # Annoy says what went wrong in words only.
        if error.errno in _FULL or "No space left" in str(error):
            raise StorageFull("the disk is full") from error
        raise
