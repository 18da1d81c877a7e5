"""The live gallery: the index kept equal to the database, and the database's word on every name."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import Busy
from core.lease import lease
from core.types import EmbeddingSpec, Match, Vector
from core.vectors import checked_vector, similarity_of
from db import faces, gallery
from db.changes import Ids
from db.session import Database, Session
from index import FaceIndex, OnProgress, WentBack
from pipeline import gallery_rows
from pipeline.gallery_feed import Fault, Feed

_log = logging.getLogger(__name__)
_COMPARE_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person of the gallery, by the face of theirs that is nearest to the probe."""

    user_id: str
    face_id: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Work:
    """How far a running build of the index is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Repair:
    """When the index was made anew, and what had been wrong with it."""

    at: datetime
    what: str


def _unheard(_stage: str, _done: int, _total: int) -> None:
    """Nobody looks."""


class LiveGallery:
    """Searches one embedding space; each search sees every change committed before it.

    While something is wrong with the index, searches compare with every face of the database:
    slower, and as exact. `mend` repairs it, one process at a time, which `repair_lock` orders.
    """

    def __init__(
        self, database: Database, index: FaceIndex, spec: EmbeddingSpec, repair_lock: Path
    ) -> None:
        self._database, self._index, self._spec = database, index, spec
        self._feed = Feed(database, index, spec)
        self._repair_lock = repair_lock
        self._mending, self._comparing = threading.Lock(), threading.Lock()
        self._work: Work | None = None
        self._repair: Repair | None = None

    @property
    def index(self) -> FaceIndex:
        return self._index

    @property
    def work(self) -> Work | None:
        """The build that this process does now."""
        return self._work

    @property
    def repair(self) -> Repair | None:
        """The last repair that this process did."""
        return self._repair

    @property
    def count(self) -> int:
        """How many faces are searched, as of now."""
        return self.count_with(self.catch_up())

    def count_with(self, fault: Fault | None) -> int:
        """The same for who has just caught up, with this outcome."""
        if fault is None:
            return self._index.count
        with self._database.read() as session:
            return faces.count(session, self._spec)

    def catch_up(self) -> Fault | None:
        """Bring the index to the newest committed change; why it cannot be searched, if so."""
        return self._feed.catch_up()

    def ids_as_of(self, session: Session) -> Ids | None:
        """The faces of the index at the seq of `session`; None where it is past that already."""
        return self._feed.ids_as_of(session)

    def search(self, vector: Vector, limit: int) -> list[Candidate]:
        """The `limit` nearest people, nearest first, fewer only where the gallery has fewer.

        The index proposes; owners and similarities are the database's at this moment, so a
        deleted or re-used number, or a damaged index, can cost a match but never give a name.
        Raises ModelError when `vector` is no embedding of this space, Busy where the index is not
        searched now and others wait for the same.
        """
        probe = checked_vector(vector, self._spec.dimensions)
        wanted = limit * 4
        while True:
            matches = self._proposed(probe, wanted)
            found = self._confirmed(probe, matches)[:limit]
            if len(found) == limit or len(matches) < wanted:
                return found
            wanted *= 4

    def _proposed(self, probe: Vector, wanted: int) -> list[Match]:
        while True:
            fault, seq = self._feed.catch_up_to()
            if fault is not None:
                return self._compare_all(probe, wanted)
            # Where it is made anew between the two lines, it may have gone back behind `seq`.
            with suppress(WentBack):
                return self._index.search(probe, wanted, at_least=seq)

    def compare(self) -> Fault | None:
        """Compare the index with the database: every id, and a sample of the embeddings."""
        return self._feed.compare(upto=self._index.position)

    def check(self) -> bool:
        """Compare, and make the index anew where it differs; True if it had to."""
        return self.compare() is not None and self.mend()

    def mend(self, on_progress: OnProgress = _unheard) -> bool:
        """Make the index anew where something is wrong with it; True if it had to.

        Searches go on meanwhile. Waits where another process mends it. Raises StorageFull or
        OSError when the disk does not take it.
        """
        before = self._index.position
        if not self._is_faulty():
            return False
        with self._mending, lease(self._repair_lock, wait=True):
            # Somebody else may have done it while we waited.
            fault = self._feed.compare(before)
            if fault is None and self._index.problem is None:
                return False
            if fault is not Fault.BEHIND and self._feed.reopen() is None:
                self._index.finish_checks()
                if self._index.problem is None:
                    return False
            return self._repair_from_database(fault or Fault.DAMAGED, on_progress)

    def rebuild(self, on_progress: OnProgress = _unheard) -> int:
        """Make the index anew from the database; returns the number of faces."""
        with self._database.read() as session:
            newest = gallery.last_seq(session)
        rows = gallery_rows.all_added(self._database, self._spec, newest)
        # What was applied may be of another database; of the same it stays, so that searches
        # never go back behind it.
        anew = self.catch_up() in (Fault.AHEAD, Fault.DIFFERENT)
        with self._telling(on_progress) as tell:
            self._index.rebuild(rows, newest, tell, anew=anew)
        self._feed.forget()
        return self.count

    def maintain(self, on_progress: OnProgress = _unheard) -> bool:
        """Seal or merge segments where the policy says so; True if something was published."""
        if self.catch_up() is not None:
            return False
        with self._telling(on_progress) as tell:
            return self._index.maintain(tell)

    def _is_faulty(self) -> bool:
        return self.catch_up() is not None or self._index.problem is not None

    def _repair_from_database(self, fault: Fault, on_progress: OnProgress) -> bool:
        if fault is Fault.BEHIND and self._index.count > 0:
            self._replay(on_progress)
            return False
        why = str(self._feed.difference) if self._feed.difference else self._index.problem
        what = f"{fault}: {why}" if why else str(fault)
        _log.warning("%s; making it anew", what)
        started = time.monotonic()
        count = self.rebuild(on_progress)
        _log.warning(
            "the index was made anew: %d faces in %.0f s", count, time.monotonic() - started
        )
        self._repair = Repair(datetime.now(UTC), what)
        return True

    def _replay(self, on_progress: OnProgress) -> None:
        """Make segments of what happened, so much at a time as is held in memory."""
        while self.catch_up() is Fault.BEHIND:
            self._feed.advance()
            with self._telling(on_progress) as tell:
                self._index.maintain(tell)

    def _compare_all(self, probe: Vector, wanted: int) -> list[Match]:
        # One at a time: many would take the threads, and the disk that the repair reads from.
        if not self._comparing.acquire(timeout=_COMPARE_WAIT_SECONDS):
            raise Busy("the index is being made anew, so searches take long; try again")
        try:
            with self._database.read() as session:
                newest = gallery.last_seq(session)
            return gallery_rows.nearest(self._database, self._spec, probe, wanted, newest)
        finally:
            self._comparing.release()

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

    @contextmanager
    def _telling(self, on_progress: OnProgress) -> Iterator[Callable[[str, int, int], None]]:
        def tell(stage: str, done: int, total: int) -> None:
            self._work = Work(stage, done, total)
            on_progress(stage, done, total)

        try:
            yield tell
        finally:
            self._work = None
