"""Brings the index to the newest change of the database, and knows when it must not be searched."""

import threading
from enum import StrEnum

from core.types import EmbeddingSpec
from db import changes, gallery
from db.changes import Ids
from db.session import Database, Session
from index import FaceIndex
from pipeline.gallery_check import Difference, compare

_BATCH = 4096
FAR_BEHIND = 20_000
"""More changes than this are not held in memory: segments are made of them first."""


class Fault(StrEnum):
    """Why searches do without the index until it is mended."""

    DAMAGED = "a part of the index is damaged"
    BEHIND = "the index is far behind the database"
    AHEAD = "the index is of a later time than the database"
    DIFFERENT = "the index does not match the database"


class Feed:
    """One index fed from one database; for any number of threads."""

    def __init__(self, database: Database, index: FaceIndex, spec: EmbeddingSpec) -> None:
        self._database, self._index, self._spec = database, index, spec
        self._lock = threading.Lock()
        # Found once, and true until the index is another: numbers that are given out again
        # would hide it.
        self._found: Fault | None = None
        self.difference = Difference()

    def catch_up(self) -> Fault | None:
        """Apply every committed change; or say what must be mended before the index is searched."""
        return self.catch_up_to()[0]

    def catch_up_to(self) -> tuple[Fault | None, int]:
        """The same, and the seq that the index was brought to."""
        # Before the lock: reading a new segment takes its time, and searches go on meanwhile.
        self._index.refresh()
        with self._lock:
            fault, newest = self._apply_new()
        return fault or self._damage(), newest

    def advance(self) -> None:
        """Apply the next changes, so many as are held in memory at once."""
        with self._lock:
            self._apply_up_to(self._index.position + FAR_BEHIND)

    def compare(self, upto: int) -> Fault | None:
        """Compare the index with the database; what must be mended, if anything.

        `upto` is the seq up to which the index had come before it was brought to the newest one.
        """
        fault = self.catch_up()
        if fault not in (None, Fault.DIFFERENT):
            return fault
        with self._database.read() as session:
            indexed = self.ids_as_of(session)
            if indexed is None:
                return fault  # Someone writes meanwhile; the next check compares again.
            again = self.difference.other
            self.difference = compare(session, self._spec, self._index, indexed, upto, again=again)
        self._found = Fault.DIFFERENT if self.difference else None
        return self._found

    def ids_as_of(self, session: Session) -> Ids | None:
        """The faces of the index at the seq of `session`; None where it is past that already."""
        with self._lock:
            newest = gallery.last_seq(session)
            while self._index.position < newest:
                self._apply_batch(session)
            indexed = self._index.face_ids()
            return indexed if self._index.position == newest else None

    def reopen(self) -> Fault | None:
        """Look once more at what is published: another process may have mended it, or it could
        only not be read for a moment."""
        self.forget()
        self._index.reopen()
        return self.compare(upto=self._index.position)

    def forget(self) -> None:
        """The index was made anew: what was found is past."""
        self._found, self.difference = None, Difference()

    def _apply_new(self) -> tuple[Fault | None, int]:
        # In this order: another thread may adopt a manifest of later changes meanwhile.
        position = self._index.position
        with self._database.read() as session:
            newest = gallery.last_seq(session)
            far_behind = newest - position > FAR_BEHIND and changes.has_more(
                # What happens in other spaces has its seqs too.
                session,
                self._spec,
                position,
                FAR_BEHIND,
            )
        if newest < position:
            # The database was set back to a backup: what the index has is from elsewhere.
            self._found = Fault.AHEAD
        if self._found is None and far_behind:
            # Where nothing could be opened, that is why it is behind.
            return Fault.DAMAGED if self._index.problem else Fault.BEHIND, newest
        if self._found is None:
            self._apply_up_to(newest)
        return self._found, newest

    def _apply_up_to(self, seq: int) -> None:
        while self._index.position < seq:
            with self._database.read() as session:
                if not self._apply_batch(session):
                    return

    def _apply_batch(self, session: Session) -> bool:
        position = self._index.position
        batch = changes.changes_since(session, self._spec, position, _BATCH)
        self._index.apply(batch.changes, batch.position, after=position)
        return batch.position > position

    def _damage(self) -> Fault | None:
        return None if self._index.sound else Fault.DAMAGED
