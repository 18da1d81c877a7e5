"""A gallery on disk: vectors, probes and the exact best row of each, made once and reused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from benchmarks.index_sets import BLOCK, Space, space
from core.types import Matrix
from index.arrays import Ids

SEED = 1042
_SAMPLE = 20_000
_PERCENTS = (1, 5, 50, 95, 99)
_FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which gallery: its set, its size, its dimension and how many probes."""

    set: str
    count: int
    dim: int
    queries: int

    def __str__(self) -> str:
        return f"{self.set}-{self.count}x{self.dim}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured of a gallery, so that a reader can judge how like faces it is.

    `genuine` and `impostor` are cosines by percentile. `planted`: share of probes whose exact best
    is the row they were made from, or, where there are persons, a face of the same person.
    """

    genuine: Mapping[str, float]
    impostor: Mapping[str, float]
    participation: float
    planted: float


@dataclass(frozen=True, slots=True)
class Dataset:
    """A gallery that is on disk."""

    folder: Path
    facts: Facts

    @property
    def vectors_path(self) -> Path:
        return self.folder / "vectors.npy"

    def vectors(self) -> Matrix:
        """All rows, a read-only map."""
        return np.asarray(np.load(self.vectors_path, mmap_mode="r"))

    def queries(self) -> Matrix:
        return np.asarray(np.load(self.folder / "queries.npy"))

    def truth(self) -> Ids:
        """The exact best row of each probe."""
        return np.asarray(np.load(self.folder / "truth.npy"))

    def groups(self) -> list[str]:
        """The group each probe is counted in."""
        return [str(group) for group in np.load(self.folder / "groups.npy")]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The finished gallery in `folder`; raises OSError where there is none."""
        return cls(folder, Facts(**json.loads((folder / _FACTS).read_text())))

    @classmethod
    def made(cls, shape: Shape, work: Path, seed: int = SEED) -> Self:
        """The gallery in `work`, made now unless it is there."""
        folder = work / f"{shape}-{shape.queries}q-seed{seed}"
        if not (folder / _FACTS).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            facts = _make(shape, folder, space(shape.set, shape.dim, seed), seed)
            (folder / _FACTS).write_text(json.dumps(asdict(facts)))
        return cls.open(folder)


def blocks(vectors: Matrix) -> Iterator[tuple[int, Matrix]]:
    """Pieces of a matrix and the row each begins at."""
    for first in range(0, len(vectors), BLOCK):
        yield first, vectors[first : first + BLOCK]


def exact_best(queries: Matrix, vectors: Matrix) -> Ids:
    """The row with the largest product with each query; memory for one block."""
    best = np.full(len(queries), -np.inf, dtype=np.float32)
    found = np.zeros(len(queries), dtype=np.int64)
    for first, rows in blocks(vectors):
        scores = queries @ rows.T
        top = scores.argmax(axis=1)
        score = scores[np.arange(len(queries)), top]
        better = score > best
        best[better], found[better] = score[better], first + top[better]
    return found


def participation_ratio(vectors: Matrix) -> float:
    """(Σλ)²/Σλ² of the covariance's eigenvalues: over how many directions the rows spread."""
    covariance = np.cov(vectors, rowvar=False)
    return float(np.trace(covariance) ** 2 / np.sum(covariance**2))


def _make(shape: Shape, folder: Path, source: Space, seed: int) -> Facts:
    persons = _write(shape, folder, source)
    vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
    random = np.random.default_rng([seed, 6, 6, 6])
    origins = random.integers(0, shape.count, shape.queries)
    probes = source.probe(origins, vectors[origins])
    truth = exact_best(probes.vectors, vectors)
    np.save(folder / "queries.npy", probes.vectors)
    np.save(folder / "truth.npy", truth)
    np.save(folder / "groups.npy", np.array(probes.groups))
    sample = vectors[np.sort(random.choice(shape.count, min(shape.count, _SAMPLE), replace=False))]
    genuine = np.einsum("ij,ij->i", probes.vectors, vectors[origins])
    # Two of a sample are one person's once in thousands: too few to move a percentile.
    strangers = probes.vectors @ sample.T
    return Facts(
        genuine=_percentiles(genuine),
        impostor=_percentiles(strangers),
        participation=participation_ratio(sample),
        planted=float(np.mean(persons[truth] == persons[origins])),
    )


def _write(shape: Shape, folder: Path, source: Space) -> Ids:
    """Write all vectors, a block at a time; who is on each row."""
    persons = []
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(shape.count, shape.dim)
    )
    for number, first in enumerate(range(0, shape.count, BLOCK)):
        faces = source.block(number, min(BLOCK, shape.count - first))
        vectors[first : first + len(faces.vectors)] = faces.vectors
        persons.append(faces.persons)
    vectors.flush()
    return np.concatenate(persons)


def _percentiles(cosines: Matrix) -> dict[str, float]:
    values = np.percentile(cosines, _PERCENTS)
    return {f"p{percent}": float(value) for percent, value in zip(_PERCENTS, values, strict=True)}
