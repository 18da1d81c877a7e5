"""What the tests of the index share: small spaces, small policies, and the plainest search."""

from collections.abc import Mapping

import numpy as np

from core.types import EmbeddingSpec, FaceAdded, Match, Matrix, Similarity, Vector
from core.vectors import similarities
from index import FaceIndex, Policy

SMALL = Policy(seal_at=16, exact_below=8, trees=4, fanout=3)
"""Seals after 16 changes and asks Annoy from 9 faces on."""


def space(
    dimensions: int = 16, similarity: Similarity = Similarity.COSINE, weights: str = "0"
) -> EmbeddingSpec:
    return EmbeddingSpec("test", weights * 64, "mtcnn", "five", "none", dimensions, similarity)


def embeddings(count: int, dimensions: int = 16, seed: int = 7) -> Matrix:
    """Unit vectors of random directions."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def added(vectors: Matrix, first_seq: int = 1, first_id: int = 1) -> list[FaceAdded]:
    return [FaceAdded(first_seq + i, first_id + i, row) for i, row in enumerate(vectors)]


def fill(index: FaceIndex, vectors: Matrix, first_id: int = 1) -> None:
    """Apply `vectors` after the index's position, with ids from `first_id`."""
    changes = added(vectors, index.position + 1, first_id)
    index.apply(changes, changes[-1].seq)


def brute_force(
    faces: Mapping[int, Vector], query: Vector, k: int, similarity: Similarity = Similarity.COSINE
) -> list[Match]:
    """The best `k` of `faces`, each compared on its own."""
    matches = [
        Match(face_id, float(similarities(query, vector[None], similarity)[0]))
        for face_id, vector in faces.items()
    ]
    return sorted(matches, key=lambda match: (-match.similarity, match.face_id))[:k]


def by_id(vectors: Matrix, first_id: int = 1) -> dict[int, Vector]:
    return {first_id + i: row for i, row in enumerate(vectors)}
