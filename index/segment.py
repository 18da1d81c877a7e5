"""An immutable part of the index: Annoy's trees, face ids, vectors, and what they are.

The only file that knows Annoy. Annoy's file says neither its metric nor its dimension, has no
checksum, and crashes the process when it was cut, so nothing is mapped before it is verified.
Local ids are dense: row i of `faces.npy`, of `vectors.npy` and item i of `trees.ann` are one face,
rows ordered by face id.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from annoy import AnnoyIndex

from core.files import sha256_bytes, sha256_file, sync_directory
from core.types import EmbeddingSpec, Matrix, Similarity, Vector
from index.arrays import Ids, Rows
from index.errors import IndexDamaged
from index.policy import Policy

FORMAT = 1
TREES, FACES, VECTORS, META = "trees.ann", "faces.npy", "vectors.npy", "segment.json"
_FILES = (TREES, FACES, VECTORS)
_SEED = 1042
_Metric = Literal["angular", "euclidean"]
_METRICS: dict[Similarity, _Metric] = {
    Similarity.COSINE: "angular",
    Similarity.EUCLIDEAN: "euclidean",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """An open, verified segment: `rows` by ascending face id, their vectors a read-only map."""

    name: str
    sha256: str
    rows: Rows
    trees: AnnoyIndex

    @classmethod
    def open(cls, directory: Path, name: str, sha256: str, spec: EmbeddingSpec) -> Self:
        """The segment in `directory`, whose metadata has checksum `sha256`.

        Raises IndexDamaged when anything in it is missing, differs, or is of another space.
        """
        try:
            count = verify(directory, sha256, spec)
            faces = np.load(directory / FACES, allow_pickle=False)
            vectors = np.asarray(np.load(directory / VECTORS, mmap_mode="r", allow_pickle=False))
            trees = AnnoyIndex(spec.dimensions, _METRICS[spec.similarity])
            trees.load(str(directory / TREES))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexDamaged(f"segment {name} cannot be read") from error
        shapes = (faces.shape, vectors.shape, trees.get_n_items())
        if shapes != ((count,), (count, spec.dimensions), count) or vectors.dtype != np.float32:
            raise IndexDamaged(f"segment {name} contradicts its metadata")
        return cls(name, sha256, Rows(faces, vectors), trees)

    @property
    def count(self) -> int:
        return len(self.rows)

    def places(self, face_ids: Ids) -> Ids:
        """The rows of those of `face_ids` that are in this segment."""
        places = np.searchsorted(self.rows.faces, face_ids)
        places = np.minimum(places, self.count - 1)
        found: Ids = places[self.rows.faces[places] == face_ids]
        return found

    def nearest(self, query: Vector, wanted: int, search_k: int) -> Ids:
        """Rows that Annoy proposes, nearest first: at most `wanted`, perhaps fewer."""
        rows = self.trees.get_nns_by_vector(query.tolist(), wanted, search_k)
        return np.array(rows, dtype=np.int64)


def verify(directory: Path, sha256: str, spec: EmbeddingSpec) -> int:
    """Check the checksums of everything in a segment without mapping it; how many faces it has.

    Raises IndexDamaged, or OSError where a file is missing.
    """
    data = (directory / META).read_bytes()
    if sha256_bytes(data) != sha256:
        raise IndexDamaged(f"{META} of {directory.name} is not the one the manifest lists")
    meta = json.loads(data)
    if {name: meta[name] for name in _identity(spec)} != _identity(spec):
        raise IndexDamaged(f"segment {directory.name} is of another space or format")
    for name in _FILES:
        if sha256_file(directory / name) != meta["files"][name]:
            raise IndexDamaged(f"{name} of {directory.name} does not match its checksum")
    count: int = meta["count"]
    return count


def write(directory: Path, spec: EmbeddingSpec, rows: Rows, covered: int, policy: Policy) -> str:
    """Write a segment into the empty `directory`, durably; the checksum of its metadata.

    `rows` are not empty and name each face once. Raises OSError when the disk does not take it.
    """
    rows = rows.take(np.argsort(rows.faces))
    np.save(directory / FACES, rows.faces)
    np.save(directory / VECTORS, rows.vectors)
    _build(directory / TREES, spec, rows.vectors, policy)
    for name in _FILES:
        _sync(directory / name)
    meta = {
        **_identity(spec),
        "trees": policy.trees,
        "count": len(rows),
        "covered": covered,
        "files": {name: sha256_file(directory / name) for name in _FILES},
    }
    data = json.dumps(meta, indent=1).encode()
    (directory / META).write_bytes(data)
    _sync(directory / META)
    sync_directory(directory)
    return sha256_bytes(data)


def _build(path: Path, spec: EmbeddingSpec, vectors: Matrix, policy: Policy) -> None:
    index = AnnoyIndex(spec.dimensions, _METRICS[spec.similarity])
    index.set_seed(_SEED)
    for row, vector in enumerate(vectors):
        index.add_item(row, vector)
    index.build(policy.trees, policy.build_jobs)
    index.save(str(path))


def _identity(spec: EmbeddingSpec) -> dict[str, object]:
    return {
        "format": FORMAT,
        "spec": spec.digest,
        "metric": _METRICS[spec.similarity],
        "dimensions": spec.dimensions,
    }


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
