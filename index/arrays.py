"""The array types of the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from core.types import Matrix

Ids = npt.NDArray[np.int64]
"""Face ids, or local rows of a segment, shape (n,)."""
Mask = npt.NDArray[np.bool_]
"""Which rows live, shape (n,)."""
_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class Rows:
    """Faces `faces` (n,) and their embeddings `vectors` (n, d), row by row."""

    faces: Ids
    vectors: Matrix

    def __len__(self) -> int:
        return len(self.faces)

    def take(self, chosen: Ids | Mask | slice) -> Self:
        """The chosen rows: a copy, or a view for a slice."""
        return type(self)(self.faces[chosen], self.vectors[chosen])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All rows of one or more `parts`."""
        return cls(
            np.concatenate([part.faces for part in parts]),
            np.concatenate([part.vectors for part in parts]),
        )


def npy_header(count: int, dimensions: int) -> bytes:
    """The head of an .npy file of embeddings (count, dimensions), as long for any count."""
    buffer = BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (count, dimensions)}
    np.lib.format.write_array_header_1_0(buffer, shape)
    if len(buffer.getvalue()) != _HEADER_BYTES:
        raise ValueError("an .npy header of another length")
    return buffer.getvalue()


def save(path: Path, array: npt.NDArray[Any]) -> None:
    """Write `array` to a new .npy file.

    As numpy.save, which does not notice when the disk is full at the last bytes.
    """
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)
