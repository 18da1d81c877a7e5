"""A small gallery's log, the same in every process: what the database would hold."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from core.types import Change, FaceAdded, FaceRemoved, Match, Vector
from index import FaceIndex, Policy
from index.choice import Proposer
from tests.index_kit import SMALL, added, brute_force, embeddings, space

MERGING = replace(SMALL, only=Proposer.ANNOY, fanout=2)
"""Merges at each seal; larger segments are searched by Annoy's trees, never whole."""
SIDE_BY_SIDE = replace(MERGING, fanout=9)
"""Merges nothing."""
APART = replace(MERGING, child_from=1)
"""Builds every segment in a process of its own."""
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
    return [index.search(query, 3) for query in VECTORS[::3]] == expected()


@cache
def expected() -> list[list[Match]]:
    """The right answers to every third vector."""
    return [brute_force(FACES, query, 3) for query in VECTORS[::3]]


def publish(directory: Path, policy: Policy = MERGING, seqs: tuple[int, ...] = (EARLY,)) -> None:
    """An index directory sealed at each of `seqs`."""
    index = FaceIndex.open(directory, space(), policy)
    for seq in seqs:
        catch_up(index, seq)
        assert index.maintain()


def publish_two_segments(directory: Path) -> None:
    """Two segments, with a face removed from the first: the whole log is covered."""
    publish(directory, SIDE_BY_SIDE, (EARLY, len(LOG)))


def database_rows() -> list[FaceAdded]:
    """What the database holds when the log is over."""
    return [c for c in LOG if isinstance(c, FaceAdded) and c.face_id in FACES]
