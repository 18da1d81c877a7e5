"""Kenal's own index, through its façade and with its default policy, as the service uses it."""

from collections.abc import Iterable, Iterator

from benchmarks.index_engine import Job, Setting
from core.types import EmbeddingSpec, FaceAdded, Matrix, Similarity, Vector
from index import FaceIndex


def spec(dim: int) -> EmbeddingSpec:
    """The space of a benchmark's vectors."""
    return EmbeddingSpec("benchmark", "0" * 64, "none", "none", "none", dim, Similarity.COSINE)


def faces(vectors: Matrix) -> Iterator[FaceAdded]:
    """Row i as face i + 1, read as it is asked for."""
    for row, vector in enumerate(vectors):
        yield FaceAdded(row + 1, row + 1, vector)


class Kenal:
    """Rebuilt from a stream of faces, as `flask gallery rebuild` does it."""

    package = "numpy"
    keeps_vectors = True

    def build(self, job: Job) -> None:
        def heard(stage: str, done: int, total: int) -> None:
            job.tell(f"{stage} {done} of {total}")

        index = FaceIndex.open(job.folder, spec(job.vectors.shape[1]))
        index.rebuild(faces(job.vectors), len(job.vectors), heard)
        index.maintain(heard)

    def open(self, job: Job) -> Iterable[Setting]:
        index = FaceIndex.open(job.folder, spec(job.vectors.shape[1]))
        index.finish_checks()
        if index.problem is not None or index.count != len(job.vectors):
            raise ValueError(f"the index holds {index.count} faces: {index.problem}")

        def search(query: Vector) -> int:
            matches = index.search(query, 1)
            return matches[0].face_id - 1 if matches else -1

        parts = index.status().segments
        chosen = {f"{part.proposer} {part.search_k or ''}".strip() for part in parts}
        yield Setting(f"default ({', '.join(sorted(chosen))})", search)
