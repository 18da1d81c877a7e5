"""Rows that are streamed to disk before a segment is built of them, so that memory stays flat."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from core.types import FaceAdded
from core.vectors import checked_vector
from index.arrays import Ids, Rows, npy_header
from index.progress import OnProgress
from index.sources import Source

_BLOCK = 4096


def spooled(
    folder: Path, rows: Iterable[FaceAdded], dimensions: int, on_progress: OnProgress
) -> Source:
    """`rows` as a source in `folder`; a face named twice counts as it was named last.

    Raises ModelError for a vector that is none of this space.
    """
    path = folder / "rows.npy"
    ids = _written(path, rows, dimensions, on_progress)
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    alive = np.zeros(len(ids), dtype=np.bool_)
    # The first of the reversed is the last of the given.
    alive[len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]] = True
    return Source(Rows(ids, np.asarray(vectors)), alive, path)


def _written(
    path: Path, rows: Iterable[FaceAdded], dimensions: int, on_progress: OnProgress
) -> Ids:
    ids = array("q")
    with path.open("wb") as file:
        file.write(npy_header(0, dimensions))
        for block in _blocks(iter(rows)):
            ids.extend(row.face_id for row in block)
            file.write(b"".join(checked_vector(row.vector, dimensions).data for row in block))
            on_progress("reading", len(ids), 0)
        file.seek(0)
        file.write(npy_header(len(ids), dimensions))
    return np.array(ids, dtype=np.int64)


def _blocks(rows: Iterator[FaceAdded]) -> Iterator[list[FaceAdded]]:
    while block := list(islice(rows, _BLOCK)):
        yield block
