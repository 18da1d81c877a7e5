"""What the registry says about a network, pinned or brought along."""

from dataclasses import dataclass
from enum import StrEnum

from core.types import EmbeddingSpec, Similarity
from pipeline.models.network_input import OnnxInput
from pipeline.models.weights import WeightsFile

DETECTOR = "mtcnn"


class Role(StrEnum):
    DETECTOR = "detector"
    EMBEDDER = "embedder"


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
    pixels: OnnxInput | None = None
    mirror: bool = False
    unit_length: bool = True
    pinned: bool = True

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
