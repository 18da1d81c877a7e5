"""Seals, merges and rebuilds: one process at a time writes, all others go on searching."""

import sys
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from core.lease import lease
from core.types import EmbeddingSpec, FaceAdded
from index.choice import Proposer
from index.current import Current
from index.errors import IndexDamaged
from index.policy import Plan, Policy, SegmentSize, plan
from index.progress import OnProgress
from index.recipe import Recipe
from index.report import TuneReport
from index.snapshot import LiveSegment, Snapshot
from index.sources import Source
from index.spool import spooled
from index.store import Store
from index.tuning import reported, tuned

_FEW = 50
"""Probes for a segment that is replaced as soon as its trees are built."""


class Maintainer:
    """Writes what `policy` asks for into `store`, from what `current` holds."""

    def __init__(self, store: Store, current: Current, spec: EmbeddingSpec, policy: Policy) -> None:
        self._store, self._current = store, current
        self._spec, self._policy = spec, policy

    def maintain(self, on_progress: OnProgress) -> bool:
        """Seal and merge where it is worth it; whether something was published."""
        with lease(self._store.lock_path, wait=False) as held:
            if not held:
                return False
            self._current.refresh(wait=True)
            snapshot = self._current.snapshot
            todo = self._plan(snapshot)
            published = todo is not None and self._carry_out(todo, snapshot, on_progress)
            self._store.sweep()
            return published

    def compact(self, on_progress: OnProgress) -> bool:
        """Make one segment of everything that lives; False where it is one already."""
        with lease(self._store.lock_path, wait=True):
            self._current.refresh(wait=True)
            snapshot = self._current.snapshot
            dirty = snapshot.changes > 0 or snapshot.tombstones > 0
            dirty = dirty or any(part.segment.meta.provisional for part in snapshot.segments)
            if not dirty and len(snapshot.segments) < 2:
                return False
            everything = Plan(tuple(range(len(snapshot.segments))))
            if not self._carry_out(everything, snapshot, on_progress):
                return False
            self._store.sweep()
            return True

    def rebuild(
        self, rows: Iterable[FaceAdded], position: int, on_progress: OnProgress, *, anew: bool
    ) -> None:
        """See FaceIndex.rebuild."""
        with lease(self._store.lock_path, wait=True):
            self._store.sweep()
            with self._store.building() as folder:
                source = spooled(folder, rows, self._spec.dimensions, on_progress)
                recipe = self._recipe(position)
                if self._may_have_trees(source):
                    # What searches need at once; the rest takes several times as long.
                    quick = replace(recipe.policy, forest_from=sys.maxsize, probes=_FEW)
                    recipe = replace(recipe, policy=quick, provisional=True)
                segments = self._built(recipe, [source], on_progress)
            self._current.publish(segments, position, anew=anew)
            self._store.sweep()

    def _recipe(self, covered: int) -> Recipe:
        recall = self._current.recall or self._policy.recall
        return Recipe(self._spec, replace(self._policy, recall=recall), covered)

    def _may_have_trees(self, source: Source) -> bool:
        living = int(np.count_nonzero(source.alive))
        return living >= self._policy.forest_from and self._policy.only is not Proposer.SKETCH

    def tune(self, target: float, probes: int, on_progress: OnProgress) -> TuneReport | None:
        """See FaceIndex.tune."""
        with lease(self._store.lock_path, wait=True):
            self._current.refresh(wait=True)
            snapshot = self._current.snapshot
            if not all(self._is_well(part) for part in snapshot.segments):
                return None
            policy = replace(self._policy, recall=target, probes=probes)
            segments = tuned(snapshot, policy, on_progress)
            if segments is None:
                return None
            self._current.recall = target
            self._current.publish(segments, snapshot.covered)
        return reported(self._current.snapshot, policy, on_progress)

    def _is_well(self, part: LiveSegment) -> bool:
        try:
            self._store.check_rest(part.segment)
        except IndexDamaged as error:
            self._current.report(part.segment, error)
            return False
        return True

    def _plan(self, snapshot: Snapshot) -> Plan | None:
        if snapshot.position > 0 and self._must_republish(snapshot):
            return Plan(tuple(range(len(snapshot.segments))))
        sizes = [
            SegmentSize(part.segment.count, part.live, part.segment.meta.provisional)
            for part in snapshot.segments
        ]
        return plan(sizes, snapshot.delta.live, snapshot.changes, self._policy)

    def _must_republish(self, snapshot: Snapshot) -> bool:
        """Whether the directory lost what we stand on: our maps still hold it."""
        if self._current.problem is not None:
            return True
        try:
            listed = {entry.name for entry in self._store.manifest().segments}
        except IndexDamaged:
            listed = set()
        names = {part.segment.name for part in snapshot.segments}
        return not names <= listed or not all(map(self._store.holds, snapshot.segments))

    def _carry_out(self, todo: Plan, snapshot: Snapshot, on_progress: OnProgress) -> bool:
        """Whether it was published; not where a segment is damaged, which is then the problem."""
        merged = [snapshot.segments[place] for place in todo.merge]
        kept = tuple(
            part for place, part in enumerate(snapshot.segments) if place not in todo.merge
        )
        delta = Source(snapshot.delta.rows, snapshot.delta.alive)
        sources = []
        for part in merged:
            try:
                sources.append(self._store.source(part))
            except IndexDamaged as error:
                self._current.report(part.segment, error)
                return False
        recipe = self._recipe(snapshot.position)
        built = self._built(recipe, [*sources, delta], on_progress)
        self._current.publish((*kept, *built), snapshot.position)
        return True

    def _built(
        self, recipe: Recipe, sources: list[Source], on_progress: OnProgress
    ) -> tuple[LiveSegment, ...]:
        """A segment of what lives in `sources`; none where nothing does."""
        if not any(source.alive.any() for source in sources):
            return ()
        segment = self._store.add_segment(recipe, sources, on_progress)
        return (LiveSegment.of(segment, segment.meta.choice, np.empty(0, dtype=np.int64)),)
