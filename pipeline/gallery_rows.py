"""The faces of a space read from the database in batches: to rebuild an index, or do without one.

Each batch is a transaction of its own: none is held open while somebody works on the rows.
"""

from collections.abc import Iterator

import numpy as np

from core.types import EmbeddingSpec, FaceAdded, Match, Vector
from core.vectors import similarities
from db import changes
from db.changes import Stored
from db.session import Database

_BATCH = 4096


def batches(database: Database, spec: EmbeddingSpec, upto: int) -> Iterator[Stored]:
    """Every face of a space with a seq of at most `upto`, in order of seq."""
    position = 0
    while True:
        with database.read() as session:
            batch = changes.stored_after(session, spec, position, upto, _BATCH)
        if batch is None:
            return
        position = batch.position
        yield batch


def all_added(database: Database, spec: EmbeddingSpec, upto: int) -> Iterator[FaceAdded]:
    """The same, one by one, as an index takes them.

    A face removed meanwhile may be missing: its removal has a seq after `upto`.
    """
    for batch in batches(database, spec, upto):
        yield from batch.added()


def nearest(
    database: Database, spec: EmbeddingSpec, query: Vector, wanted: int, upto: int
) -> list[Match]:
    """The best `wanted` faces by exact similarity to `query` (d,), then face id."""
    faces, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    for batch in batches(database, spec, upto):
        faces = np.concatenate([faces, batch.faces])
        scores = np.concatenate([scores, similarities(query, batch.vectors, spec.similarity)])
        best = np.lexsort((faces, -scores))[:wanted]
        faces, scores = faces[best], scores[best]
    return [
        Match(face_id, score)
        for face_id, score in zip(faces.tolist(), scores.tolist(), strict=True)
    ]
