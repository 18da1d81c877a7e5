"""What the registry says about a network, pinned or brought along."""

from dataclasses import dataclass
from enum import StrEnum

from core.types import EmbeddingSpec, Similarity
from pipeline.models.network_input import OnnxInput
from pipeline.models.weights import WeightsFile

DETECTOR = "mtcnn"
AUTO = "auto"
"""The embedder's name that asks for the best one that can be had."""
_MOST_FMR = 0.01


class Role(StrEnum):
    DETECTOR = "detector"
    EMBEDDER = "embedder"


@dataclass(frozen=True, slots=True)
class Export:
    """How networks in ONNX form are made of an entry's files, by a program of its own.

    `python -m <module> FOLDER FILE...` writes FOLDER/<name>.onnx for each of `networks` and prints
    how far their answers are from the source's at most.
    """

    module: str
    networks: tuple[str, ...] = ("network",)
    version: int = 1
    """Raised when the program makes other networks of the same files."""


@dataclass(frozen=True, slots=True)
class FalseMatches:
    """Comparisons of two people at the network's own threshold, and how many were accepted.

    The true rate lies between `low` and `high` with 95 % confidence (Clopper and Pearson), for
    people and photos like those.
    """

    errors: int
    comparisons: int
    low: float
    high: float

    @property
    def is_poor(self) -> bool:
        """Whether a stranger may be taken for an enrolled person far more often than by any
        network that is offered here."""
        return self.high > _MOST_FMR


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One network as it is pinned; the fields with defaults are an embedder's own."""

    id: str
    role: Role
    title: str
    source: str
    license: str
    input: str
    files: tuple[WeightsFile, ...]
    error_rates: str
    """Measured or published, with where; never a promise about other photos."""
    alignment: str = ""
    normalization: str = ""
    dimensions: int = 0
    similarity: Similarity = Similarity.COSINE
    default_threshold: float = 1.0
    false_matches: FalseMatches | None = None
    """None where nobody measured them."""
    pixels: OnnxInput | None = None
    mirror: bool = False
    unit_length: bool = True
    pinned: bool = True
    export: Export | None = None
    """None where the first file is served as it is."""

    def spec(self) -> EmbeddingSpec:
        """The space of this entry's embeddings."""
        return EmbeddingSpec(
            embedder=self.id,
            weights_sha256=self.files[0].sha256,
            detector=DETECTOR,
            alignment=self.alignment,
            normalization=self.normalization,
            dimensions=self.dimensions,
            similarity=self.similarity,
        )
