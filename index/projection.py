"""What embeddings are shortened to, so that candidates are found by little memory.

Faces differ in far fewer directions than an embedding has. Both ways of finding candidates work on
what is learned from a segment's own faces: Annoy's trees on the principal directions, the sketch on
the signs of rotated directions. Distances only shrink in it, so exact arithmetic decides later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from core.types import Matrix, Similarity, Vector
from index.arrays import save

SHORT = 32
"""Principal directions that the trees are built on: 64 found less in the same time (measured)."""
HEAD_BITS = 192
"""Bits every face is compared by."""
BITS = 512
"""Bits that the best of those are compared by."""
SAMPLE = 20_000
"""Faces the directions are learned from: more changed nothing that could be measured."""
_SEED = 1042
Words = npt.NDArray[np.uint64]
"""Bits of embeddings, 64 a word, shape (n, BITS // 64)."""


@dataclass(frozen=True, slots=True)
class Projection:
    """`mean` (d,); `principal` (d, p), the directions of largest variance; `axes` (d, BITS)."""

    mean: Vector
    principal: Matrix
    axes: Matrix

    @classmethod
    def learned(cls, sample: Matrix) -> Self:
        """Learned from comparable embeddings (m, d), see `comparable`; the same for the same."""
        mean = sample.mean(axis=0)
        centered = sample - mean
        # Ascending in eigh; the largest come first here.
        directions = np.linalg.eigh(centered.T @ centered)[1][:, ::-1].astype(np.float32)
        axes = np.hstack(list(_axes(directions)))[:, :BITS]
        return cls(mean, directions[:, :SHORT], axes)

    @property
    def dimensions(self) -> int:
        """Of what `shortened` gives."""
        return int(self.principal.shape[1])

    def shortened(self, vectors: Matrix) -> Matrix:
        """Comparable embeddings (n, d) in the principal directions, (n, p)."""
        return ((vectors - self.mean) @ self.principal).astype(np.float32, copy=False)

    def words(self, vectors: Matrix) -> Words:
        """On which side of each axis comparable embeddings (n, d) lie, (n, BITS // 64)."""
        sides = (vectors - self.mean) @ self.axes > 0
        words: Words = np.packbits(sides, axis=1).view(np.uint64)
        return words

    def save(self, path: Path) -> None:
        """Write it to `path`."""
        save(path, np.hstack([self.mean[:, None], self.principal, self.axes]))

    @classmethod
    def load(cls, path: Path, dimensions: int) -> Self:
        """The one that was saved; raises ValueError where it is none for `dimensions`."""
        whole = np.load(path, allow_pickle=False)
        if whole.shape != (dimensions, 1 + min(SHORT, dimensions) + BITS):
            raise ValueError("not a projection of this space")
        # Products with a part of a wider array are slow.
        mean, short, axes = np.split(whole, [1, whole.shape[1] - BITS], axis=1)
        return cls(mean[:, 0].copy(), np.ascontiguousarray(short), np.ascontiguousarray(axes))


def comparable(vectors: Matrix, similarity: Similarity) -> Matrix:
    """Embeddings (n, d) as they are compared: of unit length where only the angle counts."""
    if similarity is Similarity.EUCLIDEAN:
        return vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    unit: Matrix = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return unit


def _axes(directions: Matrix) -> Iterator[Matrix]:
    """Rotated, so that each bit says as much as another: the head's in the directions that
    matter most, the rest in all of them, as often as it takes for BITS."""
    random = np.random.default_rng(_SEED)
    found = 0
    while found < BITS:
        used = directions[:, :HEAD_BITS] if found < HEAD_BITS else directions
        yield used @ _rotation(used.shape[1], random)
        found += used.shape[1]


def _rotation(dimensions: int, random: np.random.Generator) -> Matrix:
    rotation = np.linalg.qr(random.standard_normal((dimensions, dimensions)))[0]
    return rotation.astype(np.float32)
