"""Enrollment by API: the photo goes into the drop folder and takes the same way as every other."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from core import files
from core.errors import InvalidName, KenalError, NotReady, StorageFull, Vanished
from core.files import FileIdentity
from core.names import PhotoName, normalize_user_id
from pipeline.commit import Analyzed, Arrival, Committed
from pipeline.converter import Converter
from pipeline.images.headers import Kind, sniff
from pipeline.terms import Terms

_EXTENSIONS = {
    Kind.JPEG: "jpg",
    Kind.PNG: "png",
    Kind.WEBP: "webp",
    Kind.HEIF: "heic",
    Kind.BMP: "bmp",
    Kind.TIFF: "tiff",
    Kind.GIF: "gif",
}
_NAME_DIGITS = 16
_RACES = 3


class Enrollment:
    """Stores posted photos as `<user_id>/<hash>.<ext>` and enrolls them at once."""

    def __init__(self, converter: Converter, drop: Path) -> None:
        self._converter = converter
        self._drop = drop

    def enroll(self, user_id: str, data: bytes, terms: Terms | None = None) -> Committed:
        """Enroll a posted photo, by default on the terms of the drop folder.

        Raises a PhotoError with nothing stored, where the photo cannot be used, and FaceConflict
        so where only these terms refuse it; FaceConflict or ConflictError with the photo kept in
        the ledger, where it contradicts the gallery.
        """
        user_id = normalize_user_id(user_id)
        # Before anything is stored: on some file systems the folders of both are one.
        self._converter.check_claim(user_id)
        analyzed = self._converter.analyze(data, terms)
        name = PhotoName(_path(user_id, data), user_id)
        if terms is not None and self._held(name.path, data) is None:
            # Should we fail after the file is stored, a scan enrolls it on the folder's terms.
            self._converter.check_alike(user_id, analyzed.vector, terms)
        with _storage_errors():
            self._make_folder(user_id)
        for _ in range(_RACES - 1):
            # The very same photo may be posted at the same moment, and be written over ours.
            with suppress(Vanished):
                return self._enroll(name, data, analyzed, terms)
        return self._enroll(name, data, analyzed, terms)

    def _enroll(
        self, name: PhotoName, data: bytes, analyzed: Analyzed, terms: Terms | None
    ) -> Committed:
        arrival = Arrival(files.sha256_bytes(data), self._stored(name.path, data))
        try:
            return self._converter.enroll(name, arrival, analyzed, terms)
        except Vanished:
            raise
        except KenalError as error:
            self._converter.refuse(name.path, arrival.identity, error, arrival.sha256)
            raise

    def _stored(self, path: PurePosixPath, data: bytes) -> FileIdentity:
        """The identity of the file that holds the photo; written unless it is there already."""
        held = self._held(path, data)
        if held is not None:
            return held
        with _storage_errors():
            files.write_atomic(self._drop / path, data)
        written = files.identity(self._drop / path)
        if written is None:
            raise Vanished("the photo was deleted while it was being enrolled")
        return written

    def _held(self, path: PurePosixPath, data: bytes) -> FileIdentity | None:
        """The identity of the file where it holds this photo already."""
        with suppress(KenalError):
            found, identity = files.read_regular(self._drop / path, len(data))
            if found == data:
                return identity
        return None

    def _make_folder(self, user_id: str) -> None:
        folder = self._drop / user_id
        folder.mkdir(parents=True, exist_ok=True)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise NotReady("the person's folder in the drop folder is no folder of ours")


def _path(user_id: str, data: bytes) -> PurePosixPath:
    digits = files.sha256_bytes(data)[:_NAME_DIGITS]
    return PurePosixPath(user_id, f"{digits}.{_EXTENSIONS[sniff(data)]}")


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidName("this user_id is too long for a folder of photos") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("the disk is full") from error
        raise NotReady("the drop folder does not take this person's photos") from error
