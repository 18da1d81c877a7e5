"""One enrolled face looked at with a further network: its embedding, or why there is none."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core import files
from core.errors import (
    FileError,
    KenalError,
    ModelError,
    NotRegularFile,
    PhotoError,
    TooLarge,
    Vanished,
)
from core.logs import describe
from core.names import from_printable
from core.types import Vector
from core.vectors import from_bytes, similarity_of
from db.photos import Status
from db.spaces import Source, StoredPhoto
from pipeline.analyzer import Analyzer, exactly_one
from pipeline.converter import Limits
from pipeline.images.decode import decode

_log = logging.getLogger(__name__)
_REFUSALS = (PhotoError, FileError, ModelError, TooLarge)


class Without(StrEnum):
    """Why a face has no embedding in a further space, beside what refuses a photo."""

    NO_PHOTO = "no_photo"
    """It came as an embedding."""
    VANISHED = "vanished"
    """Its photo is gone."""
    PHOTO_CHANGED = "photo_changed"
    """Its photo has another content by now."""
    ANOTHER_FACE = "another_face"
    """The face found is not the one that was enrolled."""
    UNKNOWN = "unknown"
    """It has no embedding of the gallery's own network to be known by."""
    INTERNAL = "internal"
    """A fault of ours, which the log tells of."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What came of a face: `vector` (d,) of the further space, or a code."""

    face_id: int
    vector: Vector | None
    code: str | None


class Looker:
    """Embeds enrolled faces with `further`, where `own`, the gallery's, knows them again.

    Both look with the same detector. `threshold` is the gallery's least similarity of a match.
    """

    def __init__(
        self, drop: Path, own: Analyzer, further: Analyzer, limits: Limits, threshold: float
    ) -> None:
        self._drop, self._limits, self._threshold = drop, limits, threshold
        self._own, self._further = own, further

    def look(self, source: Source) -> Looked | None:
        """None where it cannot be told by now: the face is to be looked at again.

        Raises ServiceError, but for a ModelError, where no face could be embedded at all.
        """
        try:
            data = self._photo(source)
            if data is None or isinstance(data, Without):
                return None if data is None else Looked(source.face_id, None, data)
            return self._embedded(source, data)
        except _REFUSALS as error:
            return None if error.retryable else Looked(source.face_id, None, error.code)
        except KenalError:
            raise
        except Exception as error:  # noqa: BLE001 - one photo's trouble is not the others'
            _log.error("face %d cannot be embedded anew [%s]", source.face_id, describe(error))
            return Looked(source.face_id, None, Without.INTERNAL)

    def _photo(self, source: Source) -> bytes | Without | None:
        """The bytes that the face was enrolled from."""
        if not source.photos:
            return Without.NO_PHOTO
        found = [self._read(photo) for photo in source.photos]
        for answer in found:
            if isinstance(answer, bytes):
                return answer
        return None if None in found else found[0]

    def _read(self, photo: StoredPhoto) -> bytes | Without | None:
        if photo.status is Status.PENDING:
            return None  # It is being converted: it may give another face in a moment.
        if photo.status is not Status.ENROLLED:
            return Without.PHOTO_CHANGED
        path = self._drop / from_printable(photo.path)
        try:
            data, _ = files.read_regular(path, self._limits.max_upload_bytes)
        except Vanished:
            # The folder may be away: whether a photo is gone, a scan says.
            return None if photo.present else Without.VANISHED
        except NotRegularFile:
            return Without.PHOTO_CHANGED
        return data if files.sha256_bytes(data) == photo.sha256 else Without.PHOTO_CHANGED

    def _embedded(self, source: Source, data: bytes) -> Looked:
        if source.embedding is None:
            return Looked(source.face_id, None, Without.UNKNOWN)
        photo = decode(data, self._limits.max_image_pixels)
        face = exactly_one(self._own.detect(photo), self._limits.dominant_face)
        spec = self._own.spec
        enrolled = from_bytes(source.embedding, spec.dimensions)
        again = self._own.embed(photo, [face])[0]
        if similarity_of(again, enrolled, spec.similarity) < self._threshold:
            return Looked(source.face_id, None, Without.ANOTHER_FACE)
        return Looked(source.face_id, self._further.embed(photo, [face])[0], None)
