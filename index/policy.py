"""When to seal, what to merge, how hard to search: pure functions of plain numbers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The index's tunables; raises ValueError where they cannot work.

    `seal_at`: changes after the last manifest that are worth a new one. `exact_below`: a gallery
    of up to so many live faces is searched exactly. `fanout`: segments of like size that are
    merged into one. `vacuum_share`: share of removed faces at which a segment is written anew.
    `trees`: Annoy trees of a segment. `search_k_max`: the most candidates Annoy inspects in one
    segment; smaller segments are inspected nearly whole. `build_jobs`: threads of a build.
    """

    seal_at: int = 2048
    exact_below: int = 2048
    fanout: int = 4
    vacuum_share: float = 0.2
    trees: int = 50
    search_k_max: int = 20_000
    build_jobs: int = 1

    def __post_init__(self) -> None:
        if min(self.seal_at, self.trees, self.build_jobs, self.search_k_max) < 1:
            raise ValueError("sizes of an index policy are positive")
        if self.fanout < 2 or not 0 < self.vacuum_share <= 1:
            raise ValueError("fanout is at least 2, vacuum_share is in (0, 1]")

    def search_k(self, count: int, wanted: int) -> int:
        """Candidates Annoy inspects in a segment of `count` faces to propose `wanted` of them."""
        # Trees repeat each other's candidates, so fewer than `search_k` of them are distinct.
        return max(min(count, self.search_k_max), 4 * wanted)


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """How many faces a segment holds, and how many of them still live."""

    count: int
    live: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next manifest replaces: these segments and the delta become one new segment."""

    merge: tuple[int, ...]


def plan(
    segments: Sequence[SegmentSize], delta_live: int, changes: int, policy: Policy
) -> Plan | None:
    """What is worth doing now; None for nothing.

    `delta_live` faces live in the delta, `changes` happened since the last manifest. A segment is
    merged only into one of at least its level, so a face is rewritten O(log n) times.
    """
    chosen = {
        place
        for place, size in enumerate(segments)
        if size.count - size.live >= max(1, policy.vacuum_share * size.count)
    }
    if changes < policy.seal_at and not chosen:
        return None
    while peers := _peers(segments, chosen, delta_live, policy):
        chosen |= peers
    return Plan(tuple(sorted(chosen)))


def _peers(
    segments: Sequence[SegmentSize], chosen: set[int], delta_live: int, policy: Policy
) -> set[int]:
    size = delta_live + sum(segments[place].live for place in chosen)
    if size == 0:
        return set()
    peers = {
        place
        for place, segment in enumerate(segments)
        if place not in chosen and _level(segment.live, policy) <= _level(size, policy)
    }
    return peers if len(peers) + 1 >= policy.fanout else set()


def _level(live: int, policy: Policy) -> int:
    level, limit = 0, policy.seal_at * policy.fanout
    while live >= limit:
        level, limit = level + 1, limit * policy.fanout
    return level
