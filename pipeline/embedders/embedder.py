"""What an embedder is, and the steps that every one of them shares."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from core.types import EmbeddingSpec, Face, Matrix, Vector
from core.vectors import checked_vector
from pipeline.images.decode import Pixels


class Embedder(Protocol):
    """Turns faces into embeddings of one space; safe to call from many threads."""

    @property
    def spec(self) -> EmbeddingSpec: ...

    @property
    def default_threshold(self) -> float:
        """Least similarity of a match, from the registry or the manifest."""
        ...

    def load(self) -> None:
        """Load now instead of at the first use; raises ModelUnavailable."""
        ...

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        """One embedding a face of `rgb` (h, w, 3), shape (n, d); no faces give (0, d).

        Raises ModelUnavailable, and ModelError where an answer is no embedding.
        """
        ...


def checked_matrix(rows: Iterable[Vector], dimensions: int) -> Matrix:
    """The rows as (n, dimensions), each of them checked; raises ModelError."""
    checked = [checked_vector(row, dimensions) for row in rows]
    return np.stack(checked) if checked else np.empty((0, dimensions), dtype=np.float32)


def unit_rows(rows: Matrix) -> Matrix:
    """Each row at unit length; a zero row stays zero, for the check that follows to refuse."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled
