"""The one way in: a file of the drop folder becomes a face of a person, or a refusal.

Idempotent by (path, sha256): called twice, after a crash, or by two processes at once, the
same content gives one face. What was enrolled stays until a better content replaces it.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import files
from core.errors import EmptyFile, ImageCorrupt, KenalError, TooLarge
from core.files import FileIdentity
from core.names import PhotoName, parse_photo_path
from core.types import Vector
from db.photos import Status
from db.session import Database
from pipeline.analyzer import Analyzer, exactly_one
from pipeline.commit import Analyzed, Arrival, Commits, Committed
from pipeline.gallery import LiveGallery
from pipeline.images.decode import decode
from pipeline.ledger import Ledger, Outcome

_log = logging.getLogger(__name__)
_STILL_ARRIVING_SECONDS = 60.0
"""So long after its last change, a broken photo may only be an upload that pauses."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may be; see the settings of the same names."""

    max_upload_bytes: int
    max_image_pixels: int
    dominant_face: float | None


class Converter:
    """Converts photos for one gallery. Thread-safe; every call stands for itself."""

    def __init__(
        self,
        database: Database,
        analyzer: Analyzer,
        gallery: LiveGallery,
        drop: Path,
        *,
        limits: Limits,
        threshold: float,
    ) -> None:
        self._analyzer = analyzer
        self._gallery = gallery
        self._threshold = threshold
        self._drop = drop
        self._limits = limits
        self._commits = Commits(database, drop, analyzer.spec, threshold)
        self._ledger = Ledger(database, drop)

    def convert(self, path: PurePosixPath, force: bool = False, accept: bool = False) -> Outcome:
        """Enroll the file `path`, relative to the drop folder, and record what became of it.

        `force` tries again what was refused before; `accept` enrolls a photo that does not
        look like the person's other ones. Refusals are outcomes, never raised.
        """
        sha256: str | None = None
        identity: FileIdentity | None = files.identity(self._drop / path)
        try:
            name = parse_photo_path(path)
            data, identity = files.read_regular(self._drop / path, self._limits.max_upload_bytes)
            sha256 = files.sha256_bytes(data)
            known = None if force else self._ledger.settled(name.key, sha256, identity)
            known = known or self._ledger.begin(name, sha256, identity, force)
            if known is not None:
                return known
            analyzed = self.analyze(data)
            return self.enroll(name, Arrival(sha256, identity), analyzed, accept)
        except KenalError as error:
            retry_at = _still_arriving_until(error, identity)
            return self._ledger.refuse(path, sha256, identity, error, retry_at)

    def check_claim(self, user_id: str) -> None:
        """Raises ConflictError where `user_id` differs from an existing one only by case."""
        self._commits.check_claim(user_id)

    def analyze(self, data: bytes) -> Analyzed:
        """The one face of a photo; raises a PhotoError where there is none, or two."""
        if len(data) > self._limits.max_upload_bytes:
            raise TooLarge("the photo is larger than allowed")
        photo = decode(data, self._limits.max_image_pixels)
        face = exactly_one(self._analyzer.detect(photo), self._limits.dominant_face)
        return Analyzed(face, self._analyzer.embed(photo, [face])[0])

    def enroll(
        self, name: PhotoName, arrival: Arrival, analyzed: Analyzed, accept: bool = False
    ) -> Outcome:
        """Commit an analyzed photo that lies in the drop folder; raises KenalError."""
        note = self._look_alike(name.user_id, analyzed.vector)
        return _outcome(name, self._commits.commit(name, arrival, analyzed, accept, note), note)

    def _look_alike(self, user_id: str, vector: Vector) -> str | None:
        """A word to whoever reads the ledger where somebody else looks the same.

        Not a refusal: in a large gallery strangers do look alike. But it may be one person
        under two user_ids, who can then no longer be told apart.
        """
        for other in self._gallery.search(vector, 2):
            if other.user_id != user_id and other.similarity >= self._threshold:
                alike = f"looks like the person enrolled as {other.user_id}"
                _log.warning("%s %s (similarity %.3f)", user_id, alike, other.similarity)
                return f"{alike} (similarity {other.similarity:.2f}): the same person?"
        return None

    def refuse(
        self,
        path: PurePosixPath,
        identity: FileIdentity,
        error: KenalError,
        sha256: str | None = None,
    ) -> Outcome:
        """Record the refusal of a file that is in the drop folder."""
        return self._ledger.refuse(path, sha256, identity, error, None)


def _outcome(name: PhotoName, committed: Committed, note: str | None) -> Outcome:
    return Outcome(
        status=Status.ENROLLED if committed.is_new else Status.UNCHANGED,
        path=name.key,
        user_id=name.user_id,
        photo_id=committed.photo_id,
        face_id=committed.face_id,
        code=None,
        message=note,
    )


def _still_arriving_until(error: KenalError, identity: FileIdentity | None) -> float | None:
    """When to look again at a broken photo that may still be on its way; None: it is final."""
    if identity is None or not isinstance(error, ImageCorrupt | EmptyFile):
        return None
    complete_at = identity.ctime_ns / 1e9 + _STILL_ARRIVING_SECONDS
    return complete_at if complete_at > time.time() else None
