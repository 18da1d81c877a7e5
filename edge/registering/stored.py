"""The device's gallery as a registration needs it."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from edge.embedding import Vector
from edge.recognition.gallery import Gallery, TakenError
from edge.recognition.ids import IdError
from edge.recognition.matching import Roster
from edge.recognition.network import Network, unit
from edge.recognition.synced import GalleryFullError
from edge.registering.types import RegisterError


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody of the gallery, and how many samples of this network there are."""

    user_id: str
    name: str | None
    samples: int
    source: str


class GalleryStore:
    """A `Store` in the gallery's file, for one network."""

    def __init__(
        self, gallery: Gallery, network: Network, clock: Callable[[], float] = time.time
    ) -> None:
        self._gallery, self._network, self._clock = gallery, network, clock

    def add(self, user_id: str, name: str, vectors: Sequence[Vector]) -> None:
        """Durable on return; raises RegisterError."""
        with _in_words():
            self._gallery.register(user_id, name, vectors, self._network, self._clock())

    def people(self) -> list[Known]:
        """Everybody, but local people whom the server has had since."""
        with _in_words():
            listed = self._gallery.people(self._network)
        return [
            Known(one.user_id, one.name, one.faces, one.source)
            for one in listed
            if not one.superseded
        ]

    def delete(self, user_id: str) -> bool:
        """Forgets a local person; whether there was one."""
        with _in_words():
            return self._gallery.delete(user_id)

    def similarities(self, vectors: Sequence[Vector]) -> list[Mapping[str, float]]:
        """For each vector by user_id: how alike the most alike sample of everybody is."""
        with _in_words():
            roster = self._gallery.roster(self._network)
        return [_similarities(roster, vector) for vector in vectors]


def _similarities(roster: Roster, vector: Vector) -> dict[str, float]:
    query = unit(vector, roster.matrix.shape[1])
    if query is None or not roster.people:
        return {}
    best = np.maximum.reduceat(roster.matrix @ query, roster.starts)
    return {one.user_id: float(like) for one, like in zip(roster.people, best, strict=True)}


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (TakenError, IdError, GalleryFullError, ValueError) as error:
        raise RegisterError(str(error)) from None
    except sqlite3.Error:
        raise RegisterError("the gallery in outbox.folder cannot be read or written") from None
