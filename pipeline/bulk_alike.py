"""A word to whoever reads the ledger where somebody else looks the same.

Not a refusal: in a large gallery strangers do look alike. But it may be one person under two
user_ids, who can then no longer be told apart.
"""

import logging
from dataclasses import dataclass

from core.types import Similarity, Vector
from core.vectors import similarity_of
from pipeline.gallery import LiveGallery

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alike:
    """The most similar other person, whatever the similarity."""

    user_id: str
    similarity: float


class Company:
    """Who was enrolled before in one transaction: no search finds them yet."""

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._enrolled: list[tuple[str, Vector]] = []

    def add(self, user_id: str, vector: Vector) -> None:
        self._enrolled.append((user_id, vector))

    def most_alike(self, user_id: str, vector: Vector) -> Alike | None:
        """The most similar of the others in here."""
        found = [
            Alike(other, similarity_of(vector, known, self._similarity))
            for other, known in self._enrolled
            if other != user_id
        ]
        return max(found, key=lambda alike: alike.similarity, default=None)


class LookAlikes:
    """Finds who else looks like a new face; `threshold` is the least similarity that counts."""

    def __init__(self, gallery: LiveGallery, threshold: float) -> None:
        self._gallery = gallery
        self._threshold = threshold

    def most_alike(self, user_id: str, vector: Vector) -> Alike | None:
        """The most similar other person of the gallery; raises as `LiveGallery.search`."""
        for other in self._gallery.search(vector, 2):
            if other.user_id != user_id:
                return Alike(other.user_id, other.similarity)
        return None

    def note(self, user_id: str, *others: Alike | None) -> str | None:
        """The word about the most similar of `others`; None where nobody looks the same."""
        known = [other for other in others if other is not None]
        best = max(known, key=lambda alike: alike.similarity, default=None)
        if best is None or best.similarity < self._threshold:
            return None
        alike = f"looks like the person enrolled as {best.user_id}"
        _log.warning("%s %s (similarity %.3f)", user_id, alike, best.similarity)
        return f"{alike} (similarity {best.similarity:.2f}): the same person?"
