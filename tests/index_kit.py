"""What the tests of the index share: small spaces, small policies, and the plainest search."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from core.types import EmbeddingSpec, FaceAdded, Match, Matrix, Similarity, Vector
from core.vectors import similarities
from index import FaceIndex, Policy

SMALL = Policy(seal_at=16, exact_below=8, forest_from=9, candidates=8, probes=10, trees=4, fanout=3)
"""Seals after 16 changes and compares a few candidates only in segments of 9 faces and more."""
Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "twelve_nodes_short": lambda data: data[: -12 * 76],
    "half": lambda data: data[: len(data) // 2],
    "seven_bytes_short": lambda data: data[:-7],
    "seven_bytes_long": lambda data: data + bytes(7),
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "quarter_zeroed": lambda data: data[: -len(data) // 4] + bytes(-(-len(data) // 4)),
    "flipped_byte": lambda data: flipped(data, 257 * len(data) // 563),
    "flipped_bit_near_the_end": lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:],
}


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


def checked_search(
    index: FaceIndex, faces: Mapping[int, Vector], query: Vector, k: int, similarity: Similarity
) -> tuple[int, int]:
    """Search an index that has caught up with `faces`; how many of the best `k` it found, of how
    many there are. Only living faces, with their exact similarity, best first, none missing."""
    matches = index.search(query, k)
    assert matches == brute_force(
        {match.face_id: faces[match.face_id] for match in matches}, query, k, similarity
    )
    assert len(matches) == min(k, len(faces))
    expected = {match.face_id for match in brute_force(faces, query, k, similarity)}
    return len(expected & {match.face_id for match in matches}), len(expected)


def adds_up(index: FaceIndex) -> bool:
    """Whether what the index says about itself is consistent; nobody else may use it meanwhile."""
    report = index.status()
    stored = sum(segment.count for segment in report.segments)
    living = sum(segment.live for segment in report.segments)
    return (
        report.live_faces == stored + report.delta - report.tombstones
        and report.live_faces == living + report.delta
        and report.live_faces == index.count == len(index.face_ids())
        and report.covered <= report.position == index.position
    )


def published_files(directory: Path) -> list[Path]:
    """Every file of a published index that holds anything, whatever their names are."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.stat().st_size)


def segment_names(directory: Path) -> set[str]:
    """What lies beside the manifest and the lease: segments, or what is left of them."""
    return {path.name for path in directory.iterdir() if path.is_dir()}


def replace_file(path: Path, data: bytes) -> None:
    """Put a file of other content in its place; who has the old one mapped keeps it."""
    temporary = path.with_name(f"{path.name}.other")
    temporary.write_bytes(data)
    temporary.replace(path)


def flipped(data: bytes, place: int) -> bytes:
    """`data` with another byte at `place`."""
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def swapped(first: Path, second: Path) -> None:
    """Exchange two files or directories on disk."""
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def bytes_in(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
