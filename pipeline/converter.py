"""The one way in: a file of the drop folder becomes a face of a person, or a refusal.

Idempotent by (path, sha256): called twice, after a crash, or by two processes at once, the
same content gives one face. What was enrolled stays until a better content replaces it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import files
from core.access import LOCAL
from core.errors import EmptyFile, FaceConflict, ImageCorrupt, KenalError, TooLarge
from core.files import FileIdentity
from core.names import PhotoName, parse_photo_path
from core.settings import EnrollMode
from core.types import Vector
from db.session import Database
from pipeline.analyzer import Analyzer, exactly_one
from pipeline.bulk_alike import LookAlikes
from pipeline.bulk_commit import Batches, Claim, Ready, Result
from pipeline.commit import Analyzed, Arrival, Commits, Committed, Searched
from pipeline.gallery import LiveGallery
from pipeline.images.decode import decode
from pipeline.ledger import Ledger, Outcome, Refusal, Start
from pipeline.terms import Override, Terms

_STILL_ARRIVING_SECONDS = 60.0
"""So long after its last change, a broken photo may only be an upload that pauses."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may be; see the settings of the same names."""

    max_upload_bytes: int
    max_image_pixels: int
    dominant_face: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A photo's bytes as they were read, and what tells that the file is still that one."""

    name: PhotoName
    data: bytes
    arrival: Arrival

    @property
    def claim(self) -> Claim:
        return self.name, self.arrival

    def refused(self, error: KenalError) -> Refusal:
        retry_at = _still_arriving_until(error, self.arrival.identity)
        return Refusal(self.name.path, self.arrival.sha256, self.arrival.identity, error, retry_at)


class Converter:
    """Converts photos for one gallery. Thread-safe; every call stands for itself.

    `read`, `begin`, `examine` and `finish` are the steps: `convert` takes one photo through all
    of them, `pipeline.bulk` many at once.
    """

    def __init__(
        self,
        database: Database,
        analyzer: Analyzer,
        gallery: LiveGallery,
        drop: Path,
        *,
        limits: Limits,
        threshold: float,
        mode: EnrollMode = EnrollMode.STANDARD,
    ) -> None:
        self._analyzer = analyzer
        self._drop = drop
        self._limits = limits
        self._terms = Terms(mode)
        self._commits = Commits(database, drop, analyzer.spec, threshold)
        self._ledger = Ledger(database, drop)
        self._look_alikes = LookAlikes(database, gallery, analyzer.spec, threshold)
        self._batches = Batches(
            database, self._commits, self._ledger, self._look_alikes, analyzer.spec
        )

    def convert(self, path: PurePosixPath, force: bool = False, accept: bool = False) -> Outcome:
        """Enroll the file `path`, relative to the drop folder, and record what became of it.

        `force` tries again what was refused before; `accept` enrolls a photo that contradicts
        the enrolled ones, or is of doubtful quality. Refusals are outcomes, never raised.
        """
        content = self.read(path)
        if isinstance(content, Refusal):
            return self.finish([content])[0]
        try:
            known = self.begin([content], force=force, alone=True)[0]
            if isinstance(known, Outcome):
                return known
            return self.finish([self.examine(content, accept)])[0]
        except KenalError as error:
            return self.finish([content.refused(error)])[0]

    def read(self, path: PurePosixPath) -> Content | Refusal:
        """The file `path`, relative to the drop folder, without following links."""
        identity: FileIdentity | None = files.identity(self._drop / path)
        try:
            name = parse_photo_path(path)
            data, identity = files.read_regular(self._drop / path, self._limits.max_upload_bytes)
            return Content(name, data, Arrival(files.sha256_bytes(data), identity))
        except KenalError as error:
            retry_at = _still_arriving_until(error, identity)
            return Refusal(path, None, identity, error, retry_at)

    def begin(
        self, contents: Sequence[Content], *, force: bool = False, alone: bool = False
    ) -> list[Outcome | Start]:
        """Note in one transaction that these conversions begin; see `Ledger.begin`.

        The outcome of those that end here. Raises KenalError where nothing could be noted.
        """
        return self._batches.begin([content.claim for content in contents], force, alone)

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Take back that these conversions began: they come to nothing. Raises KenalError."""
        self._batches.give_back(claims)

    def examine(self, content: Content, accept: bool = False) -> Result:
        """Find and embed the one face of a photo that was begun; nothing is written."""
        try:
            analyzed = self.analyze(content.data, Terms() if accept else self._terms)
            terms = Terms(self._terms.mode, Override(LOCAL)) if accept else self._terms
            return Ready(content.name, content.arrival, analyzed, terms)
        except KenalError as error:
            return content.refused(error)

    def finish(self, results: Sequence[Result]) -> list[Outcome]:
        """Enroll or refuse the first ones in one transaction; see `Batches.settle`."""
        return self._batches.settle(results)

    def check_claim(self, user_id: str) -> None:
        """Raises ConflictError where `user_id` differs from an existing one only by case."""
        self._commits.check_claim(user_id)

    def check_alike(self, user_id: str, vector: Vector, terms: Terms) -> None:
        """Raises FaceConflict for a face that `terms` refuse and the folder's would take."""
        stricter = terms.mode is EnrollMode.STRICT and self._terms.mode is not EnrollMode.STRICT
        if not stricter or terms.override is not None:
            return
        alike = self._look_alikes.of(user_id, vector)
        if alike is not None:
            raise FaceConflict(f"the face {alike.words}", alike.details)

    def analyze(self, data: bytes, terms: Terms | None = None) -> Analyzed:
        """The one face of a photo; raises a PhotoError where there is none, two, or a bad one."""
        if len(data) > self._limits.max_upload_bytes:
            raise TooLarge("the photo is larger than allowed")
        photo = decode(data, self._limits.max_image_pixels)
        face = exactly_one(self._analyzer.detect(photo), self._limits.dominant_face)
        seen = self._analyzer.look(photo, [face])[0]
        (terms or self._terms).check_quality(seen.quality)
        return Analyzed(seen, self._analyzer.embed(photo, [face])[0])

    def enroll(
        self,
        name: PhotoName,
        arrival: Arrival,
        analyzed: Analyzed,
        terms: Terms | None = None,
    ) -> Committed:
        """Commit an analyzed photo that lies in the drop folder; raises KenalError."""
        position = self._look_alikes.position()
        searched = Searched(self._look_alikes.of(name.user_id, analyzed.vector), position)
        return self._commits.commit(name, arrival, analyzed, terms or self._terms, searched)

    def refuse(
        self,
        path: PurePosixPath,
        identity: FileIdentity,
        error: KenalError,
        sha256: str | None = None,
    ) -> Outcome:
        """Record the refusal of a file that is in the drop folder."""
        return self._ledger.refuse(path, sha256, identity, error, None)


def _still_arriving_until(error: KenalError, identity: FileIdentity | None) -> float | None:
    """When to look again at a broken photo that may still be on its way; None: it is final."""
    if identity is None or not isinstance(error, ImageCorrupt | EmptyFile):
        return None
    complete_at = identity.ctime_ns / 1e9 + _STILL_ARRIVING_SECONDS
    return complete_at if complete_at > time.time() else None
