"""Is the index what the database holds? Every id is compared, and a sample of the embeddings."""

from dataclasses import dataclass

import numpy as np

from core.types import EmbeddingSpec
from db import changes
from db.changes import Ids, Stored
from db.session import Session
from index import FaceIndex

_NEWEST = 256
_RANDOM = 256
# An index may keep its embeddings as float16.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4
# More faces than this are missing for another reason than damage.
_MOST_DAMAGED = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Faces that the index lacks, that only it has, and whose embedding is another there."""

    missing: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    other: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.other)

    def __str__(self) -> str:
        return (
            f"{len(self.missing)} faces were missing in it, {len(self.unknown)} were not in the "
            f"database, {len(self.other)} had another embedding"
        )


def compare(
    session: Session,
    spec: EmbeddingSpec,
    index: FaceIndex,
    indexed: Ids,
    upto: int,
    *,
    again: tuple[int, ...],
) -> Difference:
    """What differs between the faces `indexed` and those of `session`, both at one seq.

    Compares the embeddings of the newest faces up to seq `upto`, of some others, and of `again`.
    After a restored backup ids and seqs are given out again: an index of the later time then has
    other people under the newest numbers it knew.
    """
    stored = changes.live_ids(session, spec)
    missing, unknown = compare_ids(session, spec, stored, indexed)
    newest = changes.newest_ids(session, spec, upto, _NEWEST)
    some = np.random.default_rng().choice(stored, min(_RANDOM, len(stored)), replace=False)
    chosen = np.unique(np.concatenate([newest, some, np.array(again, dtype=np.int64)]))
    other = compare_vectors(changes.stored_of(session, spec, chosen.tolist()), index)
    return Difference(missing, unknown, other)


def compare_vectors(batch: Stored, index: FaceIndex) -> tuple[int, ...]:
    """The faces of `batch` that live in the index with another embedding."""
    rows = index.vectors_of(batch.faces)
    order = np.argsort(batch.faces)
    places = order[np.searchsorted(batch.faces, rows.faces, sorter=order)]
    same = np.isclose(rows.vectors, batch.vectors[places], rtol=_RELATIVE, atol=_ABSOLUTE)
    return tuple(np.sort(rows.faces[~same.all(axis=1)]).tolist())


def compare_ids(
    session: Session, spec: EmbeddingSpec, stored: Ids, indexed: Ids
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The faces only the database has and those only the index has, of two ascending arrays."""
    if np.array_equal(stored, indexed):
        return (), ()
    missing = np.setdiff1d(stored, indexed, assume_unique=True)
    unknown = np.setdiff1d(indexed, stored, assume_unique=True)
    if len(missing) <= _MOST_DAMAGED:
        # No index takes a damaged embedding.
        damaged = changes.stored_of(session, spec, missing.tolist()).damaged
        missing = np.setdiff1d(missing, damaged, assume_unique=True)
    return tuple(missing.tolist()), tuple(unknown.tolist())
