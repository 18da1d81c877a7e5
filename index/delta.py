"""The faces that no segment holds yet: searched exactly, found as soon as they are added."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from core.types import FaceAdded, Vector
from index.arrays import Ids, Mask, Rows

_FIRST_CAPACITY = 256
_Row = TypeVar("_Row", Ids, Mask)


@dataclass(frozen=True, slots=True)
class DeltaView:
    """The delta as it was at one moment, and which of its rows live."""

    rows: Rows
    alive: Mask
    live: int


class Delta:
    """A growing exact store; its views stay valid and unchanged while it goes on growing.

    Not thread-safe: the façade's lock guards it. Rows below a view's length are never written
    again, and `alive` is copied before the first removal after a view was given out.
    """

    def __init__(self, dimensions: int) -> None:
        self._length = 0
        self._faces = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._seqs = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._vectors = np.empty((_FIRST_CAPACITY, dimensions), dtype=np.float32)
        self._alive = np.zeros(_FIRST_CAPACITY, dtype=np.bool_)
        self._alive_is_shared = False
        self._places: dict[int, int] = {}

    def add(self, seq: int, face_id: int, vector: Vector) -> None:
        """Add a checked vector (d,); a face already here is replaced."""
        self.remove(face_id)
        if self._length == self._faces.shape[0]:
            self._grow()
        row = self._length
        self._faces[row], self._seqs[row], self._vectors[row] = face_id, seq, vector
        self._alive[row] = True
        self._places[face_id] = row
        self._length += 1

    def remove(self, face_id: int) -> None:
        """Forget a face; one that is not here is no error."""
        row = self._places.pop(face_id, None)
        if row is None:
            return
        if self._alive_is_shared:
            self._alive, self._alive_is_shared = self._alive.copy(), False
        self._alive[row] = False

    def view(self) -> DeltaView:
        """What a search sees from now on."""
        self._alive_is_shared = True
        length = self._length
        rows = Rows(self._faces[:length], self._vectors[:length])
        return DeltaView(rows, self._alive[:length], len(self._places))

    def added(self) -> Iterator[FaceAdded]:
        """The live faces as the changes that brought them, in order of seq."""
        for row in self._places.values():
            yield FaceAdded(int(self._seqs[row]), int(self._faces[row]), self._vectors[row])

    def __contains__(self, face_id: int) -> bool:
        return face_id in self._places

    def _grow(self) -> None:
        # Twice the room each time: n additions copy fewer than 2n rows in all.
        self._faces = _doubled(self._faces)
        self._seqs = _doubled(self._seqs)
        self._alive = _doubled(self._alive)
        vectors = np.empty((2 * self._length, self._vectors.shape[1]), dtype=np.float32)
        vectors[: self._length] = self._vectors
        self._vectors = vectors
        self._alive_is_shared = False


def _doubled(array: _Row) -> _Row:
    larger = np.zeros(2 * array.shape[0], dtype=array.dtype)
    larger[: array.shape[0]] = array
    return larger
