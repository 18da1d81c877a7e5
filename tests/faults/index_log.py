"""A small gallery's log, the same in every process: what the database would hold."""

from core.types import Change, FaceRemoved, Vector
from index import FaceIndex, Policy
from tests.index_kit import added, brute_force, embeddings

MERGING = Policy(seal_at=16, exact_below=8, trees=4, fanout=2)
VECTORS = embeddings(60)
EARLY = 20
"""How many changes the first manifest covers."""
LOG: list[Change] = [*added(VECTORS), FaceRemoved(61, 7), FaceRemoved(62, 33)]
FACES: dict[int, Vector] = {i + 1: v for i, v in enumerate(VECTORS) if i + 1 not in (7, 33)}


def catch_up(index: FaceIndex, seq: int = len(LOG)) -> None:
    index.apply([c for c in LOG if index.position < c.seq <= seq], seq)


def is_right(index: FaceIndex) -> bool:
    """Whether, caught up, it answers as the plainest search does."""
    catch_up(index)
    return all(index.search(v, 3) == brute_force(FACES, v, 3) for v in VECTORS[::3])
