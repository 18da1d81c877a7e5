"""One incoming file: hidden under a temporary name until it is complete."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from core.files import sync_directory

_PREFIX, _SUFFIX = ".kenal-upload-", ".tmp"
_FULL = "552 The disk is full; nothing was stored."


class Upload:
    """A file object of which only `commit` gives the target its new content.

    Closed without a commit it leaves nothing behind, and the target as it was. What cannot be
    stored is read on and thrown away, up to `max_bytes` more, because a client that is cut off
    while sending never reads the reason. Raises OSError where the target cannot be written.
    """

    def __init__(self, target: Path, name: str, max_bytes: int) -> None:
        self.name = name
        self.closed = False
        self.is_stored = False
        self.received_bytes = 0
        self._max_bytes = max_bytes
        self._target = target
        self._refusal: str | None = None
        _require_replaceable(target)
        self._temporary = target.with_name(f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}")
        # Unbuffered: a full disk shows at the write that meets it.
        self._file = self._temporary.open("xb", buffering=0)
        # The lock tells a sweeper that somebody lives; it ends with the process, however that ends.
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def is_hopeless(self) -> bool:
        """Whether so much came beyond the limit that the client must be cut off."""
        return self.received_bytes > 2 * self._max_bytes

    def write(self, chunk: bytes) -> int:
        """Take `chunk`; never raises, a failure is told by `commit`."""
        self.received_bytes += len(chunk)
        if self._refusal is None:
            self._store(chunk)
        return len(chunk)

    def commit(self) -> str:
        """Put the file in its place, durably, and close; the FTP reply that tells the outcome."""
        if self._refusal is None and self.received_bytes == 0:
            self._refuse("550 The file is empty; nothing was stored.")
        if self._refusal is None:
            try:
                os.fsync(self._file.fileno())
                self._temporary.replace(self._target)
                self.is_stored = True
                sync_directory(self._target.parent)
            except OSError as error:
                self._refuse(_reply_to(error))
        self.close()
        return self._refusal or "226 Transfer complete."

    def close(self) -> None:
        """Give up what was not committed; safe to repeat."""
        if not self.closed:
            self.closed = True
            self._temporary.unlink(missing_ok=True)
            self._file.close()

    def _store(self, chunk: bytes) -> None:
        if self.received_bytes > self._max_bytes:
            self._refuse(f"552 The file is larger than {self._max_bytes} bytes; nothing stored.")
            return
        try:
            _write_all(self._file.fileno(), chunk)
        except OSError as error:
            self._refuse(_reply_to(error))

    def _refuse(self, reply: str) -> None:
        self._refusal = reply
        self._temporary.unlink(missing_ok=True)
        with suppress(OSError):
            os.ftruncate(self._file.fileno(), 0)


def sweep(folder: Path) -> int:
    """Remove what killed servers left in `folder` and its subfolders; returns how many files."""
    places = [folder, *(entry for entry in folder.iterdir() if _is_real_folder(entry))]
    found = (path for place in places for path in place.glob(f"{_PREFIX}*{_SUFFIX}"))
    return sum(_remove_if_orphan(path) for path in found)


def _remove_if_orphan(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _require_replaceable(target: Path) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder has this name")


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _reply_to(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    return "451 The file could not be stored: upload it again."
