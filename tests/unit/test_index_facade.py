"""The façade: what was applied is found, what was removed is not, in this process and in others."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from core.types import Change, FaceAdded, FaceRemoved, Vector
from index import FaceIndex, Policy
from index.sketch import Sketch
from tests.index_kit import SMALL, added, brute_force, by_id, embeddings, fill, space


def nearest(index: FaceIndex, query: Vector) -> int | None:
    matches = index.search(query, 1)
    return matches[0].face_id if matches else None


def test_an_empty_directory_is_an_empty_index(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path / "not" / "there", space())
    assert (index.position, index.count, index.problem) == (0, 0, None)
    assert index.verify().ok
    assert not index.refresh()
    assert not index.maintain()


def test_a_face_is_found_at_once_and_a_removed_one_never(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(60)
    for row, vector in enumerate(vectors):
        index.apply([FaceAdded(row + 1, row + 1, vector)], row + 1)
        assert nearest(index, vector) == row + 1
        index.maintain()
    for row, vector in enumerate(vectors):
        index.apply([FaceRemoved(61 + row, row + 1)], 61 + row)
        assert nearest(index, vector) != row + 1
        index.maintain()
    assert index.count == 0
    assert index.position == 120


def test_what_was_applied_before_is_skipped(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(3)
    changes: list[Change] = [*added(vectors[:2]), FaceRemoved(3, 1), FaceAdded(4, 3, vectors[2])]
    index.apply(changes, 9)
    # Another thread read the first two before face 1 was removed, and comes late.
    index.apply(changes[:2], 2)
    assert index.position == 9
    assert set(index.face_ids().tolist()) == {2, 3}


def test_a_face_added_again_has_only_its_new_vector(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(20)
    fill(index, vectors)
    assert index.maintain()
    index.apply([FaceAdded(21, 4, -vectors[3])], 21)
    assert index.count == 20
    best = index.search(-vectors[3], 1)[0]
    assert best.face_id == 4
    assert best.similarity == pytest.approx(1.0)
    assert nearest(index, vectors[3]) != 4


@pytest.mark.parametrize(
    "bad",
    [np.full(16, np.nan), np.full(16, -np.inf), np.zeros(16), np.ones(17)],
    ids=["nan", "inf", "zero", "long"],
)
def test_an_unusable_vector_is_refused_with_its_whole_batch(tmp_path: Path, bad: Vector) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    changes = [*added(embeddings(2)), FaceAdded(3, 3, bad.astype(np.float32))]
    with pytest.raises(ModelError):
        index.apply(changes, 3)
    assert (index.position, index.count) == (0, 0)
    with pytest.raises(ModelError):
        index.rebuild([FaceAdded(1, 1, bad.astype(np.float32))], 1)


def test_changes_out_of_order_or_beyond_the_position_are_refused(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    first, second = added(embeddings(2))
    with pytest.raises(ValueError, match="order"):
        index.apply([second, first], 2)
    with pytest.raises(ValueError, match="position"):
        index.apply([first, second], 1)
    assert index.count == 0


def test_a_restart_goes_on_where_the_manifest_ends(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(40)
    fill(index, vectors[:30])
    index.apply([FaceRemoved(31, 7)], 31)
    assert index.maintain()
    fill(index, vectors[30:], first_id=31)

    again = FaceIndex.open(tmp_path, space(), SMALL)
    assert (again.position, again.count, again.problem) == (31, 29, None)
    again.apply(added(vectors[30:], 32, 31), 41)
    expected = brute_force({i: v for i, v in by_id(vectors).items() if i != 7}, vectors[6], 5)
    assert again.search(vectors[6], 5) == index.search(vectors[6], 5) == expected


def test_another_process_stands_on_the_newer_manifest_and_keeps_what_it_knows(
    tmp_path: Path,
) -> None:
    vectors = embeddings(60)
    ours, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    fill(ours, vectors[:20])
    # The other one knows more: later faces, and the removal of one in between.
    fill(other, vectors[:40])
    other.apply([FaceRemoved(41, 5), FaceRemoved(42, 30)], 42)
    assert ours.maintain()
    assert other.refresh()
    assert not other.refresh()
    assert other.position == 42
    assert set(other.face_ids().tolist()) == set(range(1, 41)) - {5, 30}
    # And ours catches up with its manifest in turn.
    assert other.maintain()
    assert ours.refresh()
    assert ours.position == 42
    assert ours.face_ids().tolist() == other.face_ids().tolist()
    assert nearest(ours, vectors[4]) != 5


def test_a_removal_is_kept_for_a_face_only_the_others_segments_hold(tmp_path: Path) -> None:
    vectors = embeddings(20)
    ours, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    fill(ours, vectors)
    # The row of face 3 was gone when the other one read: it saw only the removal.
    other.apply([FaceRemoved(21, 3)], 21)
    assert ours.maintain()
    assert other.refresh()
    assert nearest(other, vectors[2]) != 3
    assert other.count == 19


def test_a_process_that_knows_less_publishes_nothing_over_more(tmp_path: Path) -> None:
    vectors = embeddings(40)
    ours, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    fill(ours, vectors)
    fill(other, vectors[:20])
    assert ours.maintain()
    assert not other.maintain()
    assert (other.position, other.count) == (40, 40)


def test_segments_are_merged_and_their_directories_swept(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(16 * 12)
    for start in range(0, len(vectors), 16):
        fill(index, vectors[start : start + 16], first_id=start + 1)
        assert index.maintain()
    report = index.verify()
    assert report.ok
    assert len(report.segments) < 6
    assert (report.live_faces, report.delta, report.tombstones) == (192, 0, 0)
    assert len(list(tmp_path.glob("seg-*"))) == len(report.segments)
    assert index.search(vectors[100], 5) == brute_force(by_id(vectors), vectors[100], 5)


def test_a_rebuild_replaces_everything(tmp_path: Path) -> None:
    vectors = embeddings(50)
    index, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    fill(index, -vectors[:30])
    index.maintain()
    other.refresh()
    index.rebuild(added(vectors), 50)
    assert other.refresh()
    for each in (index, other):
        assert each.position == 50
        assert each.search(vectors[9], 3) == brute_force(by_id(vectors), vectors[9], 3)
    index.rebuild([], 51)
    assert (index.count, index.position, index.verify().segments) == (0, 51, ())


def test_ids_of_any_size_cost_no_memory(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(30)
    fill(index, vectors, first_id=10**15)
    assert index.maintain()
    assert nearest(index, vectors[29]) == 10**15 + 29
    stored = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert stored < 100_000


def test_the_defaults_leave_small_galleries_alone_and_seal_large_ones(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), Policy(trees=2))
    vectors = embeddings(2048)
    fill(index, vectors[:2047])
    assert not index.maintain()
    fill(index, vectors[2047:], first_id=2048)
    assert index.maintain()
    assert len(index.verify().segments) == 1


def test_tuning_is_measured_recorded_and_heard_of_by_others(tmp_path: Path) -> None:
    policy = Policy(exact_below=100, forest_from=1000, trees=10, recall=0.5, probes=20)
    index = FaceIndex.open(tmp_path, space(), policy)
    assert index.tune(0.99) is None, "everything is searched exactly"
    index.rebuild(added(embeddings(4000)), 4000)
    other = FaceIndex.open(tmp_path, space(), policy)
    before = other.status().segments
    report = index.tune(1.0, probes=60)
    assert report is not None
    assert report.target == 1.0
    assert 5 < report.probes <= 60
    assert report.recall > 0.9
    assert other.refresh()
    (after,) = other.status().segments
    assert index.status().segments == (after,)
    assert after.name == before[0].name
    assert after.recall >= before[0].recall


def test_where_candidates_are_the_wrong_ones_tuning_has_everyone_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FaceIndex.open(tmp_path, space(), Policy(exact_below=100, probes=20))
    index.rebuild(added(embeddings(4000)), 4000)
    monkeypatch.setattr(Sketch, "nearest", lambda _self, _query, wanted, _share: np.arange(wanted))
    report = index.tune(0.9, probes=60)
    assert report is not None
    assert index.status().segments[0].proposer == "exact"
    assert report.recall == 1.0
