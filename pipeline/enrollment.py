"""Enrollment by API: the photo goes into the drop folder and takes the same way as every other."""

import stat
from pathlib import Path, PurePosixPath

from core import files
from core.errors import KenalError, NotReady, Vanished
from core.names import PhotoName, normalize_user_id
from pipeline.commit import Arrival
from pipeline.converter import Converter
from pipeline.image_headers import Kind, sniff
from pipeline.ledger import Outcome

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


class Enrollment:
    """Stores posted photos as `<user_id>/<hash>.<ext>` and enrolls them at once."""

    def __init__(self, converter: Converter, drop: Path) -> None:
        self._converter = converter
        self._drop = drop

    def enroll(self, user_id: str, data: bytes, accept: bool = False) -> Outcome:
        """Enroll a posted photo; the outcome is `enrolled`, or `unchanged` for known bytes.

        Raises a PhotoError with nothing stored, where the photo cannot be used; FaceConflict
        or ConflictError with the photo kept in the ledger, where it contradicts the gallery.
        """
        user_id = normalize_user_id(user_id)
        analyzed = self._converter.analyze(data)
        path = self._path(user_id, data)
        files.write_atomic(self._drop / path, data)
        identity = files.identity(self._drop / path)
        if identity is None:
            raise Vanished("the photo was deleted while it was being enrolled")
        name = PhotoName(path, user_id)
        arrival = Arrival(files.sha256_bytes(data), identity)
        try:
            return self._converter.enroll(name, arrival, analyzed, accept)
        except KenalError as error:
            self._converter.refuse(PurePosixPath(path), identity, error, arrival.sha256)
            raise

    def _path(self, user_id: str, data: bytes) -> str:
        folder = self._drop / user_id
        folder.mkdir(parents=True, exist_ok=True)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise NotReady("the person's folder in the drop folder is no folder of ours")
        digits = files.sha256_bytes(data)[:_NAME_DIGITS]
        return f"{user_id}/{digits}.{_EXTENSIONS[sniff(data)]}"
