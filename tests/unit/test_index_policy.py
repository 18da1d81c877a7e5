"""When the index seals, merges and vacuums."""

from collections.abc import Sequence

import pytest

from index.policy import Plan, Policy, SegmentSize, plan

POLICY = Policy(seal_at=100, fanout=3, vacuum_share=0.2)


def full(*counts: int) -> list[SegmentSize]:
    return [SegmentSize(count, count) for count in counts]


@pytest.mark.parametrize(
    ("segments", "delta_live", "changes", "expected"),
    [
        ([], 0, 0, None),
        ([], 99, 99, None),
        ([], 100, 100, Plan(())),
        (full(100), 100, 100, Plan(())),
        (full(100, 100), 100, 100, Plan((0, 1))),
        (full(300, 100, 100), 100, 100, Plan((1, 2))),
        (full(300, 300, 100, 100), 100, 100, Plan((0, 1, 2, 3))),
        (full(5000, 300, 100, 100), 100, 100, Plan((2, 3))),
        # Removals alone are worth a manifest, which needs no segment.
        (full(5000), 0, 100, Plan(())),
        # A fifth of a segment is gone: it is written anew, with the delta.
        ([SegmentSize(1000, 800), *full(1000)], 1, 1, Plan((0,))),
        ([SegmentSize(1000, 801)], 1, 1, None),
        ([SegmentSize(3, 0)], 0, 3, Plan((0,))),
    ],
)
def test_the_plan(
    segments: Sequence[SegmentSize], delta_live: int, changes: int, expected: Plan | None
) -> None:
    assert plan(segments, delta_live, changes, POLICY) == expected


def test_total_work_grows_like_n_log_n() -> None:
    segments: list[SegmentSize] = []
    written = 0
    for _ in range(729):
        todo = plan(segments, 100, 100, POLICY)
        assert todo is not None
        size = 100 + sum(segments[place].live for place in todo.merge)
        segments = [s for place, s in enumerate(segments) if place not in todo.merge]
        segments.append(SegmentSize(size, size))
        written += size
    assert sum(segment.live for segment in segments) == 72_900
    # Each face is written once a level, and 729 = 3^6 seals make 7 levels.
    assert written <= 72_900 * 7
    assert len(segments) <= 2 * 7


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Policy(seal_at=0),
        lambda: Policy(trees=0),
        lambda: Policy(fanout=1),
        lambda: Policy(vacuum_share=0),
        lambda: Policy(vacuum_share=1.1),
    ],
)
def test_a_policy_that_cannot_work_is_refused(bad: type[Policy]) -> None:
    with pytest.raises(ValueError, match=r"policy|fanout"):
        bad()
