"""Files that survive a crash, and files of strangers that cannot hurt us."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from core.errors import NotRegularFile, StorageFull, TooLarge, Unreadable, Vanished

_CHUNK_BYTES = 1 << 20
_NOT_REGULAR = "only regular files are read, no links, folders or devices"


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells that a file is still the one that was read: it changes with any rewrite.

    The change time cannot be set back by an uploader, as the modification time can.
    """

    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def __str__(self) -> str:
        """The form kept in the ledger; equal texts mean an untouched file."""
        return f"{self.inode}:{self.size_bytes}:{self.mtime_ns}:{self.ctime_ns}"


def identity(path: Path) -> FileIdentity | None:
    """The file's identity without following a link; None when nothing is there."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileIdentity.of(found)


def read_regular(path: Path, max_bytes: int) -> tuple[bytes, FileIdentity]:
    """A stranger's file, whole, with its identity at the time of reading.

    Links are not followed, FIFOs and devices never block. Raises Vanished, NotRegularFile,
    Unreadable, or TooLarge above `max_bytes` before a byte is read.
    """
    with _open_regular(path) as (descriptor, found):
        if found.st_size > max_bytes:
            raise TooLarge("the file is larger than allowed", {"max_bytes": max_bytes})
        return _read_up_to(descriptor, max_bytes), FileIdentity.of(found)


def sha256_regular(path: Path) -> str:
    """The SHA-256 of a stranger's file; Vanished, NotRegularFile and Unreadable as above."""
    digest = hashlib.sha256()
    with _open_regular(path) as (descriptor, _):
        try:
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                digest.update(chunk)
        except OSError as error:
            raise Unreadable("the file cannot be read now") from error
    return digest.hexdigest()


@contextmanager
def _open_regular(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Vanished("the file is gone") from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise NotRegularFile(_NOT_REGULAR) from error
        raise Unreadable("the file cannot be read now") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotRegularFile(_NOT_REGULAR)
        yield descriptor, found
    finally:
        os.close(descriptor)


def _read_up_to(descriptor: int, max_bytes: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise Unreadable("the file cannot be read now") from error
    if len(data) > max_bytes:
        raise TooLarge("the file is larger than allowed", {"max_bytes": max_bytes})
    return data


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """The SHA-256 of one of our own files, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sync_directory(directory: Path) -> None:
    """Make renames and new names in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Write `path` so that a reader, and a crash, see the old content or the new, never a part.

    The temporary name starts with a dot, which the watcher ignores. Raises StorageFull when
    the disk is full; the old content then stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("the disk is full") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """`data` as the whole content of `path`, atomically and durably; StorageFull as above."""
    with atomic_file(path) as file:
        file.write(data)
