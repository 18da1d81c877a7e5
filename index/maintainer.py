"""Seals, merges and rebuilds: one process at a time writes, all others go on searching."""

from collections.abc import Iterable

import numpy as np

from core.lease import lease
from core.types import EmbeddingSpec, FaceAdded
from core.vectors import checked_vector
from index.arrays import Rows
from index.current import Current
from index.delta import Delta
from index.errors import IndexDamaged
from index.policy import Plan, Policy, SegmentSize, plan
from index.snapshot import LiveSegment, Snapshot
from index.store import Store


class Maintainer:
    """Writes what `policy` asks for into `store`, from what `current` holds."""

    def __init__(self, store: Store, current: Current, spec: EmbeddingSpec, policy: Policy) -> None:
        self._store, self._current = store, current
        self._spec, self._policy = spec, policy

    def maintain(self) -> bool:
        """Seal and merge where it is worth it; whether something was published."""
        with lease(self._store.lock_path, wait=False) as held:
            if not held:
                return False
            self._current.refresh(wait=True)
            snapshot = self._current.snapshot
            todo = self._plan(snapshot)
            if todo is not None:
                self._carry_out(todo, snapshot)
            self._store.sweep()
            return todo is not None

    def compact(self) -> bool:
        """Make one segment of everything that lives; False where it is one already."""
        with lease(self._store.lock_path, wait=True):
            self._current.refresh(wait=True)
            snapshot = self._current.snapshot
            dirty = snapshot.changes > 0 or snapshot.tombstones > 0
            if not dirty and len(snapshot.segments) < 2:
                return False
            self._carry_out(Plan(tuple(range(len(snapshot.segments)))), snapshot)
            self._store.sweep()
            return True

    def rebuild(self, rows: Iterable[FaceAdded], position: int) -> None:
        """Publish `rows`, which are all there is at seq `position`, as the whole index."""
        delta = Delta(self._spec.dimensions)
        for row in rows:
            delta.add(row.seq, row.face_id, checked_vector(row.vector, self._spec.dimensions))
        view = delta.view()
        with lease(self._store.lock_path, wait=True):
            self._publish((), view.rows.take(view.alive), position)
            self._store.sweep()

    def _plan(self, snapshot: Snapshot) -> Plan | None:
        if snapshot.position > 0 and self._must_republish(snapshot):
            return Plan(tuple(range(len(snapshot.segments))))
        sizes = [SegmentSize(part.segment.count, part.live) for part in snapshot.segments]
        return plan(sizes, snapshot.delta.live, snapshot.changes, self._policy)

    def _must_republish(self, snapshot: Snapshot) -> bool:
        """Whether the directory lost what we stand on: our maps still hold it."""
        if self._current.problem is not None:
            return True
        try:
            listed = {entry.name for entry in self._store.manifest().segments}
        except IndexDamaged:
            listed = set()
        return any(part.segment.name not in listed for part in snapshot.segments)

    def _carry_out(self, todo: Plan, snapshot: Snapshot) -> None:
        merged = tuple(snapshot.segments[place] for place in todo.merge)
        kept = tuple(
            part for place, part in enumerate(snapshot.segments) if place not in todo.merge
        )
        self._publish(kept, snapshot.rows_of(merged), snapshot.position)

    def _publish(self, kept: tuple[LiveSegment, ...], rows: Rows, covered: int) -> None:
        segments = kept
        if len(rows) > 0:
            segment = self._store.add_segment(rows, covered, self._policy)
            segments = (*kept, LiveSegment.of(segment, np.empty(0, dtype=np.int64)))
        self._current.publish(segments, covered)
