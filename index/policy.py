"""When to seal, what to merge, how hard to search: pure functions of plain numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from index.choice import Proposer


@dataclass(frozen=True, slots=True)
class Policy:
    """The index's tunables; raises ValueError where they cannot work.

    `seal_at`: changes after the last manifest that are worth a new one. `degraded_at`: changes
    that say nobody seals: searches stay right and grow slow. `fanout`: segments of like size that
    are merged into one. `vacuum_share`: share of removed faces at which a segment is written anew.

    `exact_below`: a segment of up to so many faces is searched exactly. `forest_from`: faces from
    which Annoy's trees can be faster than the sketch; `trees`: how many of them. `candidates`:
    rows that are compared exactly in a segment. `recall`: share of probes whose best face must be
    among them, measured on `probes` probes when a segment is built.

    `only` leaves one way of finding candidates in large segments, whatever is measured.
    `build_jobs`: threads of a build, 0 for all cores; `child_from`: faces from which a segment is
    built by a process of its own, at low priority.
    """

    seal_at: int = 2048
    degraded_at: int = 50_000
    fanout: int = 4
    vacuum_share: float = 0.2
    exact_below: int = 2048
    forest_from: int = 20_000
    trees: int = 50
    candidates: int = 100
    recall: float = 0.999
    probes: int = 300
    only: Proposer | None = None
    build_jobs: int = 0
    child_from: int = 20_000

    def __post_init__(self) -> None:
        if min(self.seal_at, self.trees, self.candidates, self.probes) < 1 or self.build_jobs < 0:
            raise ValueError("sizes of an index policy are positive")
        if self.fanout < 2 or not 0 < self.vacuum_share <= 1 or not 0 < self.recall <= 1:
            raise ValueError("fanout is at least 2, vacuum_share and recall are in (0, 1]")

    @property
    def threads(self) -> int:
        """What Annoy is told: it means all cores by -1."""
        return self.build_jobs or -1


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """How many faces a segment holds, how many of them still live, and whether it waits to be
    written anew."""

    count: int
    live: int
    provisional: bool = False


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
        if size.provisional or size.count - size.live >= max(1, policy.vacuum_share * size.count)
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
