"""What lies in the drop folder: names and identities only, no content, no link followed."""

import logging
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import NotReady
from core.files import FileIdentity
from core.names import (
    PHOTO_EXTENSIONS,
    PROFILE_EXTENSION,
    claimed_user_id,
    is_ignored,
    is_profile,
    printable,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is not ignored; `key` is its name in the ledger."""

    path: PurePosixPath
    identity: FileIdentity

    @property
    def key(self) -> str:
        return printable(self.path)

    @property
    def is_profile(self) -> bool:
        return is_profile(self.path)

    @property
    def user_id(self) -> str | None:
        """The person whose file it is by its place; None where it is nobody's."""
        return claimed_user_id(self.path)


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries by name; of the files in `unreadable` folders nothing is known."""

    entries: Sequence[Entry]
    unreadable: frozenset[str]

    def may_hold(self, key: str) -> bool:
        """Whether the file with this ledger name may be there, seen or not."""
        return key.partition("/")[0] in self.unreadable


def list_drop(root: Path) -> Listing:
    """Every file two levels deep, and what stands where a file should.

    Raises NotReady where the drop folder cannot be listed: that says nothing about its files.
    """
    unreadable: set[str] = set()
    try:
        entries = sorted(
            _entries(root, PurePosixPath(), unreadable), key=lambda entry: os.fsencode(entry.path)
        )
    except OSError as error:
        raise NotReady("the drop folder cannot be listed") from error
    return Listing(entries, frozenset(unreadable))


def files_of(root: Path, user_id: str) -> list[PurePosixPath]:
    """Everything stored under a person's name: photos, the profile, all in their folder.

    Raises NotReady where the drop folder, or theirs, cannot be listed.
    """
    try:
        names = [PurePosixPath(name) for name in os.listdir(root)]
        own = [path for path in names if claimed_user_id(path) == user_id and not is_ignored(path)]
        folders = [
            path
            for path in names
            if claimed_user_id(path / "any") == user_id and _is_dir(root, path)
        ]
        inside = [folder / name for folder in folders for name in os.listdir(root / folder)]
    except OSError as error:
        raise NotReady("the drop folder cannot be listed") from error
    endings = {*PHOTO_EXTENSIONS, PROFILE_EXTENSION}
    return [*(path for path in own if _ending(path) in endings), *inside]


def look_at(root: Path, path: PurePosixPath) -> Entry | None:
    """The entry at one relative path; None where it is gone, ignored, or a person's folder."""
    if is_ignored(path) or ".." in path.parts or not path.parts:
        return None
    try:
        status = (root / path).lstat()
        parents = [(root / parent).lstat() for parent in list(path.parents)[:-1]]
    except OSError:
        return None
    if not all(stat.S_ISDIR(parent.st_mode) for parent in parents):
        return None  # A linked folder is an entry of its own, and nothing in it is ours.
    return None if _is_folder(path, status) else Entry(path, FileIdentity.of(status))


def _entries(root: Path, inside: PurePosixPath, unreadable: set[str]) -> Iterator[Entry]:
    with os.scandir(root / inside) as listing:
        for item in listing:
            path = inside / item.name
            if is_ignored(path):
                continue
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if _is_folder(path, status):
                yield from _folder(root, path, unreadable)
            else:
                yield Entry(path, FileIdentity.of(status))


def _folder(root: Path, path: PurePosixPath, unreadable: set[str]) -> Iterator[Entry]:
    try:
        yield from _entries(root, path, unreadable)
    except FileNotFoundError:
        return
    except OSError:
        unreadable.add(printable(path))
        _log.warning("%s: a person's folder that cannot be listed", printable(path))


def _is_folder(path: PurePosixPath, status: os.stat_result) -> bool:
    """Whether this is a person's folder; a folder named like a photo, or a deeper one, is not."""
    named_like_photo = _ending(path) in PHOTO_EXTENSIONS
    return stat.S_ISDIR(status.st_mode) and len(path.parts) == 1 and not named_like_photo


def _is_dir(root: Path, path: PurePosixPath) -> bool:
    return stat.S_ISDIR((root / path).lstat().st_mode)


def _ending(path: PurePosixPath) -> str:
    return path.suffix.lower().removeprefix(".")
