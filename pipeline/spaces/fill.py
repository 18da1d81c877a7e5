"""Filling a further space from the stored photos, a few faces a transaction.

What is committed stays, whenever the process ends: the next run goes on with what is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from core.priority import step_back
from core.types import EmbeddingSpec
from db import spaces
from db.session import Database, Session
from db.spaces import Source
from pipeline.spaces.look import Looked, Looker, Without

_AT_ONCE = 8
_NICE = 10
"""Of further threads: searches come first, and the fill all the same."""
AGAIN_AFTER = timedelta(minutes=10)
"""So long after a photo was not there, or another one, it is looked for again."""
_AGAIN = (Without.VANISHED, Without.PHOTO_CHANGED, Without.UNKNOWN, Without.INTERNAL)
GoesOn = Callable[[], bool]


@dataclass(slots=True)
class Filled:
    """What one run did: faces embedded, faces without by code, and those to look at again.

    `is_whole`: it was not told to stop.
    """

    embedded: int = 0
    without: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    is_whole: bool = True

    @property
    def done(self) -> int:
        return self.embedded + self.without.total()


class Filler:
    """Fills the space `further` with the faces of the gallery's space `own`. For one thread,
    which writes; so many `threads` look at faces, the caller's own where it is one."""

    def __init__(
        self,
        database: Database,
        looker: Looker,
        own: EmbeddingSpec,
        further: EmbeddingSpec,
        again_after: timedelta = AGAIN_AFTER,
        *,
        threads: int = 1,
    ) -> None:
        self._database, self._looker = database, looker
        self._own, self._further, self._again_after = own, further, again_after
        self._threads = threads

    def fill(
        self, goes_on: GoesOn = lambda: True, heard: Callable[[Filled], None] = lambda _: None
    ) -> Filled:
        """Look at every face that is missing while it `goes_on`; `heard` is told after each few.

        Raises ServiceError where networks or database fail; what was committed stays.
        """
        filled = Filled()
        with self._looks() as looks:
            for some in self._batches():
                found = list(looks(takewhile(lambda _: goes_on(), some)))
                filled.waiting += found.count(None)
                self._commit([one for one in found if one is not None], filled)
                if not goes_on():
                    filled.is_whole = False
                    break
                heard(filled)
        return filled

    def fill_last(self, session: Session, after: int, most: int) -> bool:
        """Within a writing transaction, whatever came after a seq; False where it is more faces."""
        some = spaces.missing(session, self._own, self._further, after, most + 1)
        if len(some) > most:
            return False
        for source in some:
            found = self._looker.look(source)
            if found is not None:
                spaces.put(session, self._further, found.face_id, found.vector, found.code)
        return True

    @contextmanager
    def _looks(self) -> Iterator[Callable[[Iterable[Source]], Iterator[Looked | None]]]:
        if self._threads == 1:
            yield lambda some: map(self._looker.look, some)
            return
        with ThreadPoolExecutor(self._threads, initializer=step_back, initargs=(_NICE,)) as crew:
            yield lambda some: crew.map(self._looker.look, some)

    def _batches(self) -> Iterator[Sequence[Source]]:
        """Faces by seq: those never looked at, then those whose photo may be there again."""
        before = datetime.now(UTC) - self._again_after
        after = 0
        while some := self._missing(after):
            yield some
            after = some[-1].seq
        after = 0
        while some := self._due_again(after, before):
            yield some
            after = some[-1].seq

    def _missing(self, after: int) -> list[Source]:
        with self._database.read() as session:
            return spaces.missing(session, self._own, self._further, after, _AT_ONCE)

    def _due_again(self, after: int, before: datetime) -> list[Source]:
        with self._database.read() as session:
            return spaces.due_again(
                session, self._own, self._further, after, _AT_ONCE, codes=_AGAIN, before=before
            )

    def _commit(self, looked: Sequence[Looked], filled: Filled) -> None:
        if not looked:
            return
        with self._database.write() as session:
            recorded = [
                one
                for one in looked
                # One that was removed meanwhile is nobody's any more.
                if spaces.put(session, self._further, one.face_id, one.vector, one.code)
            ]
        filled.embedded += sum(one.vector is not None for one in recorded)
        filled.without.update(one.code for one in recorded if one.code is not None)
