"""Where the rows of a new segment come from, and how they are read in order, a block at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.types import Matrix
from index.arrays import Ids, Mask, Rows

BLOCK = 16_384
"""Rows read, written or projected at a time: 32 MB of 512 numbers."""


@dataclass(frozen=True, slots=True)
class Source:
    """The `alive` ones of `rows`; `file` where their vectors are one, in the .npy format."""

    rows: Rows
    alive: Mask
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The living rows of several sources by ascending face id, `faces` (n,)."""

    faces: Ids
    _sources: Sequence[Source]
    _origin: Ids
    _place: Ids

    @classmethod
    def of(cls, sources: Sequence[Source]) -> "Merged":
        """Each face is alive in one source at most."""
        places = [np.flatnonzero(source.alive) for source in sources]
        faces = np.concatenate(
            [source.rows.faces[place] for source, place in zip(sources, places, strict=True)]
        )
        origin = np.repeat(np.arange(len(sources)), [len(place) for place in places])
        order = np.argsort(faces, kind="stable")
        return cls(faces[order], sources, origin[order], np.concatenate(places)[order])

    def __len__(self) -> int:
        return len(self.faces)

    def blocks(self, size: int = BLOCK) -> Iterator[Matrix]:
        """The vectors, (m, d) at a time."""
        for start in range(0, len(self), size):
            yield self._taken(slice(start, start + size))

    def _taken(self, part: slice) -> Matrix:
        origin, place = self._origin[part], self._place[part]
        taken = np.empty((len(origin), self._sources[0].rows.vectors.shape[1]), dtype=np.float32)
        for number, source in enumerate(self._sources):
            chosen = origin == number
            taken[chosen] = source.rows.vectors[place[chosen]]
        return taken
