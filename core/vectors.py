"""Embeddings as numbers: checked at the door, stored as bytes, compared exactly."""

import numpy as np
import numpy.typing as npt

from core.errors import ModelError
from core.types import Matrix, Similarity, Vector

_STORED = np.dtype("<f4")
LEAST_LENGTH, MOST_LENGTH = 1e-6, 1e6
"""Of a usable embedding; the networks' lie between 0.5 and 50."""


def checked_vector(values: npt.ArrayLike, dimensions: int) -> Vector:
    """`values` as one float32 embedding, shape (dimensions,).

    Raises ModelError for a wrong shape, a non-finite value or a vector next to zero or infinity:
    such a vector
    matches anything or nothing, and must never be stored or searched.
    """
    vector = np.ascontiguousarray(values, dtype=np.float32)
    if vector.shape != (dimensions,):
        raise ModelError(f"an embedding of this space has {dimensions} numbers")
    # Of such lengths, squares and products of float32 lose or overflow.
    if not LEAST_LENGTH <= np.linalg.norm(vector.astype(np.float64)) <= MOST_LENGTH:
        raise ModelError("the network gave no usable embedding for this face")
    return vector


def to_bytes(vector: Vector) -> bytes:
    """The stored form: little-endian float32, 4 bytes a number."""
    return vector.astype(_STORED).tobytes()


def from_bytes(stored: bytes, dimensions: int) -> Vector:
    """The embedding stored as `stored`; raises ModelError when it is not one of this space."""
    if len(stored) != dimensions * _STORED.itemsize:
        raise ModelError("a stored embedding has the wrong length")
    return checked_vector(np.frombuffer(stored, dtype=_STORED), dimensions)


def similarities(query: Vector, gallery: Matrix, similarity: Similarity) -> Vector:
    """Similarity of `query` (d,) to each row of `gallery` (n, d): shape (n,), in [-1, 1]."""
    if gallery.shape[0] == 0:
        return np.empty(0, dtype=np.float32)
    if similarity is Similarity.COSINE:
        # Several times faster than np.linalg.norm over rows, and as exact.
        norms = np.sqrt(np.einsum("ij,ij->i", gallery, gallery))
        scores = gallery @ query / (norms * np.linalg.norm(query))
    else:
        difference = gallery - query
        scores = 1.0 - np.einsum("ij,ij->i", difference, difference) / 2.0
    clipped: Vector = np.clip(scores, -1.0, 1.0).astype(np.float32)
    return clipped


def similarity_of(query: Vector, other: Vector, similarity: Similarity) -> float:
    """Similarity of two embeddings of one space, both (d,), in [-1, 1]."""
    return float(similarities(query, other[None, :], similarity)[0])
