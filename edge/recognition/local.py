"""Who a face is by this device alone, also by several sights of it."""

from collections.abc import Sequence

import numpy as np

from edge.crop import best_pixels
from edge.recognition.embedders import Embedder
from edge.recognition.gallery import Gallery
from edge.recognition.matching import MARGIN, Rule, recognize
from edge.recognition.network import Vector, unit
from edge.types import Face, Frame, Landmarks, Recognition


class LocalRecognizer:
    """Faces against the gallery in memory; thread-safe: `refresh` replaces it whole."""

    def __init__(
        self, embedder: Embedder, gallery: Gallery, threshold: float = 0.0, margin: float = MARGIN
    ) -> None:
        """`threshold` 0: the network's own. Raises sqlite3.Error, and ValueError for bad ones."""
        self._embedder, self._gallery = embedder, gallery
        self.rule = Rule(threshold or embedder.network.threshold, margin)
        self.refresh()

    def refresh(self) -> None:
        """Takes over what changed in the gallery; raises sqlite3.Error, and is then as it was."""
        # Assigned at once: whoever matches now goes on with the one it has.
        self._roster = self._gallery.roster(self._embedder.network)

    def recognize(self, frame: Frame, face: Face) -> Recognition:
        """Who that is in this frame."""
        return self.recognize_vector(self.embed(frame, face))

    def recognize_vector(self, vector: Vector) -> Recognition:
        """Whose embedding that is."""
        return recognize(self._roster, vector, self.rule)

    def embed(self, frame: Frame, face: Face) -> Vector:
        """The face as a vector, from the largest picture of the moment."""
        image, box = best_pixels(frame, face)
        if image is frame.image:
            return self._embedder.embed(image, face)
        across = image.shape[1] / frame.image.shape[1]
        down = image.shape[0] / frame.image.shape[0]
        a, b, c, d, e = ((x * across, y * down) for x, y in face.landmarks)
        landmarks: Landmarks = (a, b, c, d, e)
        return self._embedder.embed(image, Face(box, landmarks, face.confidence))

    def source_of(self, user_id: str | None) -> str | None:
        """Where that person comes from, for `policy.rule`; None where nobody is there any more."""
        person = None if user_id is None else self._roster.find(user_id)
        return None if person is None else person.source

    @property
    def people(self) -> int:
        """How many can be recognized."""
        return len(self._roster.people)


def fused(vectors: Sequence[Vector]) -> Vector | None:
    """The mean of one face's vectors at unit length; None where there is nothing in them."""
    whole = [unit(vector, len(vector)) for vector in vectors]
    usable = [vector for vector in whole if vector is not None]
    if not usable or len({vector.shape for vector in usable}) != 1:
        return None
    return unit(np.mean(usable, axis=0), len(usable[0]))
