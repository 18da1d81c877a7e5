"""Large segments are checked in the background: what is damaged never crashes a search."""

import os
from pathlib import Path

import pytest

from core.types import FaceAdded
from index import FaceIndex, Policy
from index.choice import Proposer
from tests.index_kit import added, embeddings, space

POLICY = Policy(seal_at=16, exact_below=8, forest_from=9, trees=4, only=Proposer.ANNOY)
VECTORS = embeddings(400)
ROWS: list[FaceAdded] = added(VECTORS)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    publish(tmp_path)
    return tmp_path


def publish(directory: Path) -> None:
    index = FaceIndex.open(directory, space(), POLICY)
    index.rebuild(ROWS, len(ROWS))
    # What searches need was first; the trees come with the next upkeep.
    assert index.maintain()


def damage(directory: Path, name: str) -> None:
    """As a bad disk does: the same file, some bytes of it changed."""
    (path,) = directory.glob(f"seg-*/{name}")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(64))


def opened(directory: Path) -> FaceIndex:
    return FaceIndex.open(directory, space(), POLICY, check_at_once=0)


def well(index: FaceIndex) -> bool:
    return index.problem is None


def finds_everyone(index: FaceIndex) -> bool:
    return all(index.search(v, 1)[0].face_id == row + 1 for row, v in enumerate(VECTORS))


def test_the_trees_are_used_once_they_are_checked(published: Path) -> None:
    index = opened(published)
    assert finds_everyone(index)
    index.finish_checks()
    (segment,) = index.status().segments
    assert (segment.checked, segment.proposer, index.problem) == (True, "annoy", None)
    assert finds_everyone(index)


def test_damaged_trees_are_never_opened_and_the_next_upkeep_makes_them_anew(
    published: Path,
) -> None:
    damage(published, "trees.ann")
    index = opened(published)
    index.finish_checks()
    assert not well(index)
    assert not index.status().segments[0].checked
    assert index.sound
    assert finds_everyone(index)
    assert not index.verify().ok
    # Its vectors are well: no database is needed.
    assert index.maintain()
    assert index.verify().ok
    assert well(index)
    assert finds_everyone(index)


def test_damaged_vectors_are_a_problem_until_the_database_makes_them_anew(published: Path) -> None:
    damage(published, "vectors.npy")
    index = opened(published)
    index.finish_checks()
    assert not well(index)
    assert not index.sound
    wrong = [row for row, v in enumerate(VECTORS) if index.search(v, 1)[0].face_id != row + 1]
    assert len(wrong) < 5
    # A damage is not carried into a new segment.
    assert not index.maintain()
    assert not index.compact()
    assert not well(index)
    index.rebuild(ROWS, len(ROWS))
    assert index.verify().ok
    assert well(index)
    assert finds_everyone(index)


@pytest.mark.parametrize("name", ["words.npy", "heads.npy", "projection.npy", "faces.npy"])
def test_small_files_are_compared_before_anything_is_used(published: Path, name: str) -> None:
    damage(published, name)
    index = opened(published)
    assert (index.position, index.count) == (0, 0)
    assert not well(index)


def test_another_process_hears_of_the_repair(published: Path) -> None:
    damage(published, "trees.ann")
    other = opened(published)
    other.finish_checks()
    assert not well(other)
    publish(published)
    assert other.refresh()
    other.finish_checks()
    assert well(other)
    assert finds_everyone(other)


def test_vectors_that_were_lost_on_disk_are_taken_from_the_open_map(published: Path) -> None:
    index = opened(published)
    index.finish_checks()
    (path,) = published.glob("seg-*/vectors.npy")
    path.unlink()
    assert not index.verify().ok
    assert index.compact() is False  # It is one segment: nothing to compact.
    index.apply([FaceAdded(401, 401, embeddings(1, seed=5)[0])], 401)
    assert index.compact()
    assert index.verify().ok
    assert finds_everyone(FaceIndex.open(published, space(), POLICY))
