"""The values that the parts of a registration hand to each other, and what they need of others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.embedding import Vector
from edge.types import Landmarks, Pixels

Say = Callable[[str], None]
"""Told what happens and what to do, in a few words at a time."""


class RegisterError(Exception):
    """Why nothing was registered, in words for whoever stands there; never a path or key."""


class Person(Protocol):
    """Somebody this device knows."""

    @property
    def user_id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def samples(self) -> int: ...
    @property
    def source(self) -> str:
        """`local` or `server`."""


class Store(Protocol):
    """This device's own gallery; its methods raise RegisterError where they cannot."""

    def add(self, user_id: str, name: str, vectors: Sequence[Vector]) -> None:
        """Adds samples to a local person, who is made if there is none; durable on return."""

    def people(self) -> Sequence[Person]:
        """Everybody, the server's too."""

    def delete(self, user_id: str) -> bool:
        """Forgets a local person; whether there was one."""

    def similarities(self, vectors: Sequence[Vector]) -> Sequence[Mapping[str, float]]:
        """For each vector by user_id: how alike the most alike sample of everybody is."""


class Embedder(Protocol):
    """The network of the local gallery."""

    @property
    def threshold(self) -> float:
        """From here on two faces are one person's."""

    def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
        """The face as a unit vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture of one person. `vector` is None where no local network is."""

    jpeg: bytes = field(repr=False)
    vector: Vector | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went, in words to show."""

    ok: bool
    text: str
