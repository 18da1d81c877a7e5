"""What a search holds: segments, their living rows and the delta, all of one moment.

Nothing in it changes. A swap makes another one; the old maps stay until the last search drops them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.types import EmbeddingSpec
from index.arrays import Ids, Mask, Rows
from index.choice import Choice
from index.delta import DeltaView
from index.segment import Segment


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """A segment, how candidates are found in it, and which of its rows live."""

    segment: Segment
    choice: Choice
    alive: Mask
    live: int

    @classmethod
    def of(cls, segment: Segment, choice: Choice, removed: Ids) -> Self:
        """`segment` without the faces `removed`."""
        alive = np.ones(segment.count, dtype=np.bool_)
        alive[segment.places(removed)] = False
        return cls(segment, choice, alive, int(np.count_nonzero(alive)))

    def without(self, face_ids: Ids) -> "LiveSegment":
        """The same with these faces removed too; itself where it holds none of them."""
        rows = self.segment.places(face_ids)
        if not self.alive[rows].any():
            return self
        alive = self.alive.copy()
        alive[rows] = False
        return LiveSegment(self.segment, self.choice, alive, int(np.count_nonzero(alive)))

    def removed(self) -> Ids:
        """The faces that live no longer."""
        gone: Ids = self.segment.rows.faces[~self.alive]
        return gone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every change up to seq `position`; the segments alone cover up to `covered`.

    `changes` counts those between the two.
    """

    spec: EmbeddingSpec
    segments: tuple[LiveSegment, ...]
    delta: DeltaView
    covered: int
    position: int
    changes: int

    @property
    def live(self) -> int:
        return self.delta.live + sum(part.live for part in self.segments)

    @property
    def tombstones(self) -> int:
        return sum(part.segment.count - part.live for part in self.segments)

    def faces(self) -> Ids:
        """The live face ids, shape (n,)."""
        parts = [part.segment.rows.faces[part.alive] for part in self.segments]
        return np.concatenate([*parts, self.delta.rows.faces[self.delta.alive]])

    def rows_with(self, face_ids: Ids) -> Rows:
        """The live ones of `face_ids`, copied."""
        found = []
        for part in self.segments:
            places = part.segment.places(face_ids)
            found.append(part.segment.rows.take(places[part.alive[places]]))
        wanted = np.isin(self.delta.rows.faces, face_ids) & self.delta.alive
        return Rows.joined([*found, self.delta.rows.take(wanted)])
