"""Which network an embedding is of: embeddings of two networks are never compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]

_LEAST_LENGTH = 1e-6
_LENGTH_ERROR = 1e-3
STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Network:
    """A network as it is used here. `threshold`: the cosine from which two faces are one's."""

    name: str
    sha256: str
    preprocessing: str
    dimensions: int
    threshold: float

    @property
    def id(self) -> str:
        """Another one for other weights, or for pixels prepared in another way."""
        return f"{self.name}/{self.sha256}/{self.preprocessing}"


def unit(values: npt.ArrayLike, dimensions: int) -> Vector | None:
    """`values` at unit length, (dimensions,); None where nobody can be compared by them."""
    vector = np.asarray(values, np.float64)
    if vector.shape != (dimensions,):
        return None
    length = float(np.linalg.norm(vector))
    # So written, what is not a number is refused.
    if not _LEAST_LENGTH <= length < float("inf"):
        return None
    return np.asarray(vector / length, np.float32)


def to_bytes(vector: Vector) -> bytes:
    """Little-endian float32, 4 bytes a number."""
    return vector.astype(STORED).tobytes()


def from_bytes(stored: bytes, dimensions: int) -> Vector | None:
    """A unit vector as it was stored; None where it is not one any more."""
    if len(stored) != dimensions * STORED.itemsize:
        return None
    vector = np.frombuffer(stored, STORED).astype(np.float32)
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return vector if abs(length - 1) <= _LENGTH_ERROR else None
