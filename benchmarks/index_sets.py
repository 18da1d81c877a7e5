"""Galleries made by seed, block by block: the same rows whatever machine and however many.

`isotropic` has no structure at all, the worst case of every index. `realistic` follows what is
published about face networks: the 512 numbers of SphereFace have an intrinsic dimension of 16
(Gong, Boddeti, Jain, "On the Intrinsic Dimensionality of Image Representations", CVPR 2019,
arXiv:1803.09672), the 128 of FaceNet one of 9 to 12 (their preprint of 2018, "On the Intrinsic
Dimensionality of Face Representation"). It takes 20, which is harder. `spectrum` is a plain
Gaussian between the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.types import Matrix
from index.arrays import Ids

BLOCK = 8192
"""Rows made at a time; part of what a seed means."""
MOST_FACES = 6
PLANTED = (0.5, 0.6, 0.7)
_LATENT, _HIDDEN, _GAIN = 20, 512, 2.0
_IDENTITY = {"realistic": 0.90, "spectrum": 0.75}
"""Share of a face's variance that its person explains; a photo explains the rest."""
_NOISE = 0.3
_DECAY = 32


@dataclass(frozen=True, slots=True)
class Faces:
    """Rows of unit length, and who is on them."""

    vectors: Matrix
    persons: Ids


@dataclass(frozen=True, slots=True)
class Queries:
    """Probes, the rows they were made from, and the group each is counted in."""

    vectors: Matrix
    origins: Ids
    groups: tuple[str, ...]


class Space(Protocol):
    """What gives people and their faces; the same for the same seed."""

    def block(self, number: int, size: int) -> Faces:
        """The first `size` rows of block `number`, at most BLOCK."""

    def probe(self, origins: Ids, gallery: Matrix) -> Queries:
        """One probe for each row of `origins`; `gallery` holds their vectors, row by row."""


class Isotropic:
    """Random directions; a probe is planted at a cosine to its row."""

    def __init__(self, dim: int, seed: int) -> None:
        self._dim, self._seed = dim, seed

    def block(self, number: int, size: int) -> Faces:
        random = np.random.default_rng([self._seed, number, 1])
        first = number * BLOCK
        vectors = unit(random.standard_normal((BLOCK, self._dim), dtype=np.float32))
        return Faces(vectors[:size], np.arange(first, first + size))

    def probe(self, origins: Ids, gallery: Matrix) -> Queries:
        random = np.random.default_rng([self._seed, 0, 3])
        away = random.standard_normal(gallery.shape).astype(np.float32)
        along = np.einsum("ij,ij->i", away, gallery)[:, None]
        away = unit(away - along * gallery)
        cosines = np.resize(np.array(PLANTED, dtype=np.float32), len(origins))
        vectors = cosines[:, None] * gallery + np.sqrt(1 - cosines**2)[:, None] * away
        return Queries(unit(vectors), origins, tuple(f"{cosine:.1f}" for cosine in cosines))


class Persons:
    """People of 1 to 6 faces each, drawn as Gaussians and shaped into embeddings."""

    def __init__(self, name: str, dim: int, seed: int) -> None:
        self._seed, self._identity = seed, _IDENTITY[name]
        shapes: Mapping[str, type[_Network] | type[_Spectrum]] = {
            "realistic": _Network,
            "spectrum": _Spectrum,
        }
        self._shape = shapes[name](dim, seed)

    def block(self, number: int, size: int) -> Faces:
        persons, latents = self._people(number)
        random = np.random.default_rng([self._seed, number, 2])
        vectors = self._photographed(latents[:size], random)
        # No two blocks share a person: their numbers start a block apart.
        return Faces(vectors, persons[:size] + number * BLOCK)

    def probe(self, origins: Ids, gallery: Matrix) -> Queries:
        random = np.random.default_rng([self._seed, 0, 3])
        blocks = {number: self._people(number)[1] for number in set((origins // BLOCK).tolist())}
        latents = np.stack([blocks[int(row // BLOCK)][row % BLOCK] for row in origins])
        vectors = self._photographed(latents, random)
        return Queries(vectors, origins, ("genuine",) * len(gallery))

    def _people(self, number: int) -> tuple[Ids, Matrix]:
        """Who is on each row of a block, and their latents."""
        random = np.random.default_rng([self._seed, number, 1])
        faces = random.integers(1, MOST_FACES + 1, BLOCK)
        persons = np.repeat(np.arange(BLOCK), faces)[:BLOCK]
        latents = random.standard_normal((BLOCK, self._shape.latent), dtype=np.float32)
        return persons, latents[persons]

    def _photographed(self, latents: Matrix, random: np.random.Generator) -> Matrix:
        photo = random.standard_normal((BLOCK, self._shape.latent), dtype=np.float32)
        share = np.float32(self._identity)
        faces = np.sqrt(share) * latents + np.sqrt(1 - share) * photo[: len(latents)]
        return self._shape.embed(faces, random)


class _Network:
    """A fixed random network of two tanh layers on 20 numbers, and a little noise."""

    def __init__(self, dim: int, seed: int) -> None:
        random = np.random.default_rng([seed, 4, 4, 4])
        self.latent = _LATENT
        self._first = _weights(random, _LATENT, _HIDDEN)
        self._second = _weights(random, _HIDDEN, dim)

    def embed(self, latents: Matrix, random: np.random.Generator) -> Matrix:
        signal = unit(np.tanh(np.tanh(latents @ self._first) @ self._second))
        noise = random.standard_normal((BLOCK, signal.shape[1]), dtype=np.float32)
        return unit(signal + np.float32(_NOISE) * unit(noise)[: len(signal)])


class _Spectrum:
    """Eigenvalues exp(-i/32), turned so that no engine gains from the axes."""

    def __init__(self, dim: int, seed: int) -> None:
        random = np.random.default_rng([seed, 5, 5, 5])
        self.latent = dim
        rotation, _ = np.linalg.qr(random.standard_normal((dim, dim)))
        scales = np.exp(-np.arange(dim) / (2 * _DECAY))
        self._map = (scales[:, None] * rotation).astype(np.float32)

    def embed(self, latents: Matrix, _random: np.random.Generator) -> Matrix:
        return unit(latents @ self._map)


def space(name: str, dim: int, seed: int) -> Space:
    """The space of that name; raises KeyError for an unknown one."""
    return Isotropic(dim, seed) if name == "isotropic" else Persons(name, dim, seed)


def unit(vectors: npt.NDArray[np.floating]) -> Matrix:
    """The rows at length one."""
    scaled: Matrix = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _weights(random: np.random.Generator, rows: int, columns: int) -> Matrix:
    drawn: Matrix = (_GAIN / np.sqrt(rows) * random.standard_normal((rows, columns))).astype("f4")
    return drawn
