"""Embeddings of photos that were looked at before, by the file's hash and the space's digest.

What is kept can always be made anew: a file that is cut short or damaged is simply none.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.types import EmbeddingSpec, Matrix
from core.vectors import checked_vector

_CHECK_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cache:
    """One folder for each space; `least_face` is what decides beside it which faces are used."""

    folder: Path
    least_face: str

    def read(self, spec: EmbeddingSpec, sha256: str) -> Matrix | None:
        """The faces (n, d) of the photo with this hash, largest first; None where unknown."""
        try:
            stored = self._path(spec, sha256).read_bytes()
        except OSError:
            return None
        check, body = stored[:_CHECK_BYTES], stored[_CHECK_BYTES:]
        if hashlib.sha256(body).digest() != check or len(body) % (4 * spec.dimensions):
            return None
        rows = np.frombuffer(body, dtype="<f4").reshape(-1, spec.dimensions)
        try:
            return np.stack([checked_vector(row, spec.dimensions) for row in rows])
        except (ModelError, ValueError):
            return None

    def write(self, spec: EmbeddingSpec, sha256: str, rows: Matrix) -> None:
        """Keep the faces of a photo; a disk that is full or closed keeps none."""
        path = self._path(spec, sha256)
        body = np.ascontiguousarray(rows, dtype="<f4").tobytes()
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.sha256(body).digest() + body)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _path(self, spec: EmbeddingSpec, sha256: str) -> Path:
        return self.folder / f"{spec.digest}-{self.least_face}" / sha256[:2] / sha256
