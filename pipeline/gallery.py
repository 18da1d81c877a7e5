"""The live gallery: the index kept equal to the database, and the database's word on every name."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from core.types import EmbeddingSpec, FaceAdded, Match, Vector
from core.vectors import similarity_of
from db import faces, gallery
from db.session import Database
from index import FaceIndex

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person of the gallery, by the face of theirs that is nearest to the probe."""

    user_id: str
    face_id: int
    similarity: float


class LiveGallery:
    """Searches one embedding space; each search sees every change committed before it."""

    def __init__(self, database: Database, index: FaceIndex, spec: EmbeddingSpec) -> None:
        self._database = database
        self._index = index
        self._spec = spec
        self._lock = threading.Lock()

    def catch_up(self) -> None:
        """Bring the index to the newest committed change."""
        # Before the lock: reading a new segment takes its time, and searches go on meanwhile.
        self._index.refresh()
        with self._lock, self._database.read() as session:
            newest = gallery.last_seq(session)
            if newest < self._index.position:
                # The database was set back to a backup: what the index has is from elsewhere.
                _log.warning("the index is ahead of the database; rebuilding it")
                self._rebuild_locked()
            elif newest > self._index.position:
                changes = faces.changes_since(session, self._spec, self._index.position)
                self._index.apply(list(changes), newest)

    def check(self) -> bool:
        """Rebuild the index where its faces are not those of the database; True if it had to."""
        self.catch_up()
        with self._lock:
            with self._database.read() as session:
                if gallery.last_seq(session) != self._index.position:
                    return False  # Someone writes meanwhile; the next check compares again.
                same = faces.live_ids(session, self._spec) == set(self._index.face_ids().tolist())
            if not same:
                _log.warning("the index and the database differ; rebuilding the index")
                self._rebuild_locked()
            return not same

    def rebuild(self) -> int:
        """Make the index anew from the database; returns the number of faces."""
        with self._lock:
            self._rebuild_locked()
            return self._index.count

    def maintain(self) -> bool:
        """Seal or merge segments where the policy says so; True if something was published."""
        self.catch_up()
        return self._index.maintain()

    @property
    def count(self) -> int:
        """How many faces are searched, as of now."""
        self.catch_up()
        return self._index.count

    @property
    def index(self) -> FaceIndex:
        return self._index

    def search(self, vector: Vector, limit: int) -> list[Candidate]:
        """The `limit` nearest people, nearest first, fewer only where the gallery has fewer.

        The index proposes; owners and similarities are the database's at this moment, so a
        deleted or re-used number, or a damaged index, can cost a match but never give a name.
        """
        self.catch_up()
        wanted = limit * 4
        while True:
            matches = self._index.search(vector, wanted)
            found = self._confirmed(vector, matches)[:limit]
            if len(found) == limit or len(matches) < wanted:
                return found
            wanted *= 4

    def _confirmed(self, vector: Vector, matches: Sequence[Match]) -> list[Candidate]:
        with self._database.read() as session:
            stored = faces.by_ids(session, [match.face_id for match in matches], self._spec)
        best: dict[str, Candidate] = {}
        for face in stored:
            score = similarity_of(vector, face.vector, self._spec.similarity)
            known = best.get(face.user_id)
            if known is None or score > known.similarity:
                best[face.user_id] = Candidate(face.user_id, face.face_id, score)
        return sorted(best.values(), key=lambda found: (-found.similarity, found.face_id))

    def _rebuild_locked(self) -> None:
        with self._database.read() as session:
            newest = gallery.last_seq(session)
            rows = (
                change
                for change in faces.changes_since(session, self._spec, 0)
                if isinstance(change, FaceAdded)
            )
            self._index.rebuild(rows, newest)
