"""The index in memory: what the manifest covers, and every change since."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from core.types import Change, EmbeddingSpec, FaceAdded, FaceRemoved
from core.vectors import checked_vector
from index.delta import Delta
from index.snapshot import LiveSegment, Snapshot


class State:
    """Segments plus the changes after them. Not thread-safe: the façade's lock guards it.

    The changes are kept, not only their effect: another process's manifest may cover some of them
    and not others, and a removal may concern a face that only the other's segments hold.
    """

    def __init__(self, spec: EmbeddingSpec) -> None:
        self._spec = spec
        self._delta = Delta(spec.dimensions)
        self._removals: list[FaceRemoved] = []
        self._segments: tuple[LiveSegment, ...] = ()
        self._covered = 0
        self._position = 0

    def snapshot(self) -> Snapshot:
        """All of it, as of now."""
        delta = self._delta.view()
        changes = delta.live + len(self._removals)
        return Snapshot(self._spec, self._segments, delta, self._covered, self._position, changes)

    def apply(self, changes: Sequence[Change], position: int, after: int | None = None) -> None:
        """Apply all changes in (`after`, `position`]; all of them or, where one is refused, none.

        None too where the position went back before `after`: those between would be lost.
        Raises ModelError for an unusable vector, ValueError unless seqs increase up to `position`.
        """
        seqs = [change.seq for change in changes]
        if any(later <= earlier for earlier, later in pairwise(seqs)):
            raise ValueError("changes come in increasing order of seq")
        if seqs and seqs[-1] > position:
            raise ValueError("the position is at least the last change's seq")
        if after is not None and after > self._position:
            return
        new = [self._checked(change) for change in changes if change.seq > self._position]
        for change in new:
            self._apply_one(change)
        # A face is in one place: what the delta got or lost no longer lives in a segment.
        touched = np.array([change.face_id for change in new], dtype=np.int64)
        self._segments = tuple(part.without(touched) for part in self._segments)
        self._position = max(self._position, position)

    def rebase(self, segments: tuple[LiveSegment, ...], covered: int) -> None:
        """Stand on other segments; changes after `covered` are applied to them again.

        Where the segments cover less than the old ones did, the changes between are not known
        here: the position goes back to `covered`.
        """
        known = covered >= self._covered
        since: list[Change] = [*self._delta.added(), *self._removals] if known else []
        position = max(covered, self._position) if known else covered
        self.reset(segments, covered)
        self.apply(sorted(since, key=lambda change: change.seq), position)

    def reset(self, segments: tuple[LiveSegment, ...], covered: int) -> None:
        """Stand on other segments and forget everything else: it may be of another database."""
        self._delta = Delta(self._spec.dimensions)
        self._removals = []
        self._segments, self._covered, self._position = segments, covered, covered

    def _apply_one(self, change: Change) -> None:
        if isinstance(change, FaceAdded):
            self._delta.add(change.seq, change.face_id, change.vector)
        else:
            self._delta.remove(change.face_id)
            self._removals.append(change)

    def _checked(self, change: Change) -> Change:
        if isinstance(change, FaceRemoved):
            return change
        vector = checked_vector(change.vector, self._spec.dimensions)
        return FaceAdded(change.seq, change.face_id, vector)
