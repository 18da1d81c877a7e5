"""The façade of the index: the only class the rest of Kenal uses."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from core.types import Change, EmbeddingSpec, FaceAdded, Match, Vector
from core.vectors import checked_vector
from index.arrays import Ids, Rows
from index.current import Current
from index.errors import IndexDamaged, WentBack
from index.maintainer import Maintainer
from index.policy import DEFAULT_POLICY, Policy
from index.progress import OnProgress, unheard
from index.report import IndexReport, SegmentReport, TuneReport
from index.search import search
from index.segment import CHECK_AT_ONCE
from index.snapshot import LiveSegment
from index.store import Step, Store


def _unheard(_step: str) -> None:
    """Nobody listens to the steps of a publication."""


class FaceIndex:
    """The gallery of one embedding space in one directory; for any number of threads.

    A process catches up before it searches: `refresh`, then `apply` what the database holds after
    `position`. Other processes may have the same directory open. Whoever names a person checks
    the matches against the database first.
    """

    def __init__(self, store: Store, spec: EmbeddingSpec, policy: Policy) -> None:
        self._store, self._spec, self._policy = store, spec, policy
        self._current = Current(store, spec)
        self._maintainer = Maintainer(store, self._current, spec, policy)

    @classmethod
    def open(
        cls,
        directory: Path,
        spec: EmbeddingSpec,
        policy: Policy = DEFAULT_POLICY,
        on_step: Step = _unheard,
        check_at_once: int = CHECK_AT_ONCE,
    ) -> Self:
        """The index in `directory`, empty at position 0 where nothing usable is there.

        Nothing on disk makes this raise: `problem` says what could not be used. `on_step` hears
        of each step of a publication. Segments of up to `check_at_once` bytes are compared with
        their checksums before they are used, larger ones in the background.
        """
        index = cls(Store(directory, spec, on_step, check_at_once), spec, policy)
        index.refresh()
        return index

    @property
    def spec(self) -> EmbeddingSpec:
        return self._spec

    @property
    def position(self) -> int:
        """The seq up to which every change is searched; only `rebuild` can lower it."""
        return self._current.snapshot.position

    @property
    def count(self) -> int:
        """How many faces live."""
        return self._current.snapshot.live

    @property
    def problem(self) -> str | None:
        """Why the published index could not be used; None when all is well. Not for users."""
        return self._current.problem

    @property
    def sound(self) -> bool:
        """False while searches may miss faces since embeddings of the index are damaged.

        Damaged trees do no harm: they are a `problem`, and are not used.
        """
        return all(part.segment.sound for part in self._current.snapshot.segments)

    def face_ids(self) -> Ids:
        """The live faces in ascending order, shape (n,)."""
        return np.sort(self._current.snapshot.faces())

    def vectors_of(self, face_ids: Ids) -> Rows:
        """Those of `face_ids` that live, with their embeddings as stored in the index."""
        return self._current.snapshot.rows_with(face_ids)

    def apply(self, changes: Sequence[Change], position: int, after: int | None = None) -> None:
        """Apply what the database holds after `self.position`, up to its seq `position`.

        `after` is the position they were read for: where it went back meanwhile nothing is
        applied, and the caller reads again.
        What was applied before is skipped. All or nothing: raises ModelError for an unusable
        vector, ValueError unless the seqs increase up to `position`.
        """
        self._current.apply(changes, position, after)

    def search(self, query: Vector, k: int, at_least: int = 0) -> list[Match]:
        """The best `k` live faces by exact similarity, then face id; fewer only where fewer live.

        `query` is (d,). Raises ModelError when it is no embedding of this space, WentBack where
        the position is less than `at_least`: the caller catches up again.
        """
        checked = checked_vector(query, self._spec.dimensions)
        snapshot = self._current.snapshot
        if snapshot.position < at_least:
            raise WentBack
        return search(snapshot, checked, k, self._policy)

    def refresh(self) -> bool:
        """Stand on a newer manifest of another process, if there is one; whether there was.

        One stat when nothing changed; returns at once while another thread is at it.
        """
        return self._current.refresh(wait=False)

    def reopen(self) -> None:
        """Stand on what is published and forget every change applied: it may be of another
        database. What could not be opened is tried again."""
        self._current.reopen()

    def finish_checks(self) -> None:
        """Wait until every open segment was compared with its checksums.

        Opening compares the small files; the large ones are compared in the background, and
        nothing that a damage could turn into a crash is used before. A damage becomes `problem`.
        """
        self._current.finish_checks()

    def maintain(self, on_progress: OnProgress = unheard) -> bool:
        """Seal and merge where the policy says so; whether something was published.

        False at once while another process or thread is at it, and where what is to be merged is
        damaged: see `problem`. Searches go on meanwhile. Raises StorageFull, OSError or
        BuildFailed where it cannot be written; what was published before stays.
        """
        return self._maintainer.maintain(on_progress)

    def compact(self, on_progress: OnProgress = unheard) -> bool:
        """Make one segment of everything that lives; False where it is one already.

        False too where the index is damaged: see `problem`. Waits for a running maintainer.
        Raises as `maintain`.
        """
        return self._maintainer.compact(on_progress)

    def rebuild(
        self,
        rows: Iterable[FaceAdded],
        position: int,
        on_progress: OnProgress = unheard,
        *,
        anew: bool = False,
    ) -> None:
        """Publish `rows`, all faces the database holds at seq `position`, as the whole index.

        A large one without Annoy's trees, which the next `maintain` adds. `anew` forgets what was
        applied before: it is of another database. Waits for a running maintainer. Raises
        ModelError for an unusable vector, and as `maintain`; the old index then stays.
        """
        self._maintainer.rebuild(rows, position, on_progress, anew=anew)

    def tune(
        self, target: float, probes: int = 200, on_progress: OnProgress = unheard
    ) -> TuneReport | None:
        """Measure recall on the live faces and record the least effort that reaches `target`.

        What is built later has the same target. None where every search is exact already, or
        where the index is damaged: see `problem`. Waits for a running maintainer.
        """
        return self._maintainer.tune(target, probes, on_progress)

    def status(self) -> IndexReport:
        """What the index holds, without reading it again."""
        return self._report(())

    def verify(self, on_progress: OnProgress = unheard) -> IndexReport:
        """Read everything published again and compare it with its checksums."""
        return self._report(tuple(self._problems(on_progress)))

    def _report(self, problems: tuple[str, ...]) -> IndexReport:
        snapshot = self._current.snapshot
        return IndexReport(
            position=snapshot.position,
            covered=snapshot.covered,
            segments=tuple(_described(part) for part in snapshot.segments),
            live_faces=snapshot.live,
            delta=snapshot.delta.live,
            tombstones=snapshot.tombstones,
            degraded=self._degraded(),
            problems=problems,
        )

    def _problems(self, on_progress: OnProgress) -> list[str]:
        if self._store.identity() is None:
            missing = self._current.snapshot.segments
            return ["the published index is gone"] if missing else []
        try:
            return self._store.check(self._store.manifest(), on_progress)
        except IndexDamaged as error:
            return [str(error)]

    def _degraded(self) -> str | None:
        changes = self._current.snapshot.changes
        if changes <= self._policy.degraded_at:
            return None
        return f"{changes} changes wait to be sealed: searches are right and slow"


def _described(part: LiveSegment) -> SegmentReport:
    segment, choice = part.segment, part.choice
    return SegmentReport(
        name=segment.name,
        count=segment.count,
        live=part.live,
        bytes=segment.meta.size,
        proposer=str(choice.proposer),
        search_k=choice.search_k,
        recall=choice.recall,
        checked=segment.checked,
    )
