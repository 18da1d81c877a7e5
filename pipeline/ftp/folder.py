"""The drop folder as FTP clients see it: regular files and folders, no links, nothing hidden."""

import errno
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.filesystems import AbstractedFS
from typing_extensions import override

from pipeline.ftp.upload import Upload

_OWNER = "kenal"


class DropFolder(AbstractedFS):  # type: ignore[misc]  # pyftpdlib has no types
    """Confined to its root: `..` ends there, and a path through a symbolic link is refused.

    Which names a client may write is decided in `rules`, before anything here is called.
    """

    max_upload_bytes: int

    def relative(self, text: str) -> PurePosixPath:
        """The path a client means by `text` in its current folder, relative to the drop folder."""
        return PurePosixPath(self.ftpnorm(text)).relative_to("/")

    @override
    def validpath(self, path: str) -> bool:
        """Whether a real path lies in the folder and passes no symbolic link."""
        try:
            parts = Path(path).relative_to(self.root).parts
        except ValueError:
            return False
        place = Path(self.root)
        for part in parts:
            place = place / part
            if os.path.islink(place):
                return False
        return True

    @override
    def open(self, filename: str, mode: str) -> BinaryIO | Upload:
        """A regular file to read, or an Upload that becomes `filename` once it is complete."""
        if mode == "rb":
            return open(filename, "rb", opener=_open_regular)
        return Upload(Path(filename), self.fs2ftp(filename), self.max_upload_bytes)

    @override
    def chdir(self, path: str) -> None:
        # The base class moves the whole process for a moment; a check is enough.
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
        self.cwd = self.fs2ftp(path)

    @override
    def listdir(self, path: str) -> list[str]:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if _is_shown(entry))

    @override
    def rename(self, src: str, dst: str) -> None:
        if os.path.isdir(src) and Path(dst).parent != Path(self.root):
            raise FilesystemError("Folders lie directly in the drop folder")
        os.rename(src, dst)

    @override
    def stat(self, path: str) -> os.stat_result:
        return os.lstat(path)

    @override
    def get_user_by_uid(self, uid: int) -> str:
        # The accounts of this machine are nobody's business.
        return _OWNER

    @override
    def get_group_by_gid(self, gid: int) -> str:
        return _OWNER


def _is_shown(entry: "os.DirEntry[str]") -> bool:
    is_plain = entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
    return is_plain and not entry.name.startswith(".")


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FilesystemError("Only regular files can be read")
    return descriptor
