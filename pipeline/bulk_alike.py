"""A word to whoever reads the ledger where somebody else looks the same.

Not a refusal: in a large gallery strangers do look alike. But it may be one person under two
user_ids, who can then no longer be told apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from core.errors import KenalError
from core.types import EmbeddingSpec, Similarity, Vector
from core.vectors import similarity_of
from db import faces
from db.faces import StoredFace
from db.gallery import last_seq
from db.session import Database, Session
from pipeline.gallery import LiveGallery

_PROPOSED = 32
# The index proposes by what it holds; the database's numbers may round otherwise.
_SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class Alike:
    """Another person, and how similar their face is."""

    user_id: str
    similarity: float

    @property
    def words(self) -> str:
        return f"looks like the person enrolled as {self.user_id}"

    @property
    def note(self) -> str:
        """For whoever reads the ledger."""
        return f"{self.words} (similarity {self.similarity:.2f}): the same person?"

    @property
    def details(self) -> dict[str, object]:
        """For whoever asked."""
        return {"user_id": self.user_id, "similarity_score": round(self.similarity, 4)}


def most_alike(*others: Alike | None) -> Alike | None:
    """The most similar of `others`."""
    known = [other for other in others if other is not None]
    return max(known, key=lambda alike: alike.similarity, default=None)


class Company:
    """Who was enrolled since a search: by others before this transaction began, or within it."""

    def __init__(self, similarity: Similarity, others: Iterable[StoredFace] = ()) -> None:
        self._similarity = similarity
        self._enrolled = [(face.user_id, face.vector) for face in others]

    @classmethod
    def since(cls, session: Session, spec: EmbeddingSpec, seq: int) -> Self:
        """Of the faces that came after `seq`; asked by who alone may write."""
        return cls(spec.similarity, faces.added_after(session, spec, seq))

    def add(self, user_id: str, vector: Vector) -> None:
        self._enrolled.append((user_id, vector))

    def most_alike(self, user_id: str, vector: Vector) -> Alike | None:
        """The most similar of the others in here."""
        return most_alike(
            *(
                Alike(other, similarity_of(vector, known, self._similarity))
                for other, known in self._enrolled
                if other != user_id
            )
        )


class LookAlikes:
    """Finds who else looks like new faces; `threshold` is the least similarity that counts."""

    def __init__(
        self, database: Database, gallery: LiveGallery, spec: EmbeddingSpec, threshold: float
    ) -> None:
        self._database = database
        self._gallery = gallery
        self._spec = spec
        self._threshold = threshold

    def position(self) -> int:
        """The seq of the newest change: what comes later, a search that begins now may miss."""
        with self._database.read() as session:
            return last_seq(session)

    def of(self, user_id: str, vector: Vector) -> Alike | None:
        """The most similar other person of the gallery, where there is one who looks the same.

        Raises as `LiveGallery.search`.
        """
        for other in self._gallery.search(vector, 2):
            if other.user_id != user_id and other.similarity >= self._threshold:
                return Alike(other.user_id, other.similarity)
        return None

    def of_each(self, faces_of: Sequence[tuple[str, Vector]]) -> list[Alike | KenalError | None]:
        """`of` for each (user_id, vector), or what it raises; caught up with once for all."""
        if self._gallery.catch_up() is not None:
            return [self._each(user_id, vector) for user_id, vector in faces_of]
        near = [self._near(vector) for _, vector in faces_of]
        asked = [face_id for found in near if found is not None for face_id in found]
        with self._database.read() as session:
            stored = {face.face_id: face for face in faces.by_ids(session, asked, self._spec)}
        return [
            self._each(user_id, vector)
            if found is None
            else self._best(user_id, vector, [stored[at] for at in found if at in stored])
            for (user_id, vector), found in zip(faces_of, near, strict=True)
        ]

    def _near(self, vector: Vector) -> list[int] | None:
        """The faces that look the same, as the index has them; None where they may be more."""
        try:
            found = self._gallery.index.search(vector, _PROPOSED)
        except KenalError:
            return None
        alike = [match.face_id for match in found if match.similarity >= self._threshold - _SLACK]
        return alike if len(alike) < _PROPOSED else None

    def _best(self, user_id: str, vector: Vector, stored: Sequence[StoredFace]) -> Alike | None:
        """The database's word on what the index proposed."""
        found = [
            Alike(face.user_id, similarity_of(vector, face.vector, self._spec.similarity))
            for face in stored
            if face.user_id != user_id
        ]
        best = most_alike(*found)
        return best if best is not None and best.similarity >= self._threshold else None

    def _each(self, user_id: str, vector: Vector) -> Alike | KenalError | None:
        try:
            return self.of(user_id, vector)
        except KenalError as error:
            return error
