"""Faults under a running process: what it stands on goes away, comes back, or changes meanwhile."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.types import Change, EmbeddingSpec, FaceAdded, FaceRemoved
from index import FaceIndex
from index.errors import BuildFailed
from tests.faults.index_log import EARLY, LOG, MERGING, VECTORS, catch_up, is_right, publish
from tests.index_kit import (
    adds_up,
    brute_force,
    by_id,
    bytes_in,
    embeddings,
    fill,
    published_files,
    space,
)

STEPS = ("building", "written", "renamed", "publishing", "published")
LATE = embeddings(1, seed=99)[0]
MEANWHILE: list[Change] = [FaceRemoved(61, 5), FaceAdded(62, 500, LATE)]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """An index directory that covers the first changes of the log."""
    publish(tmp_path / "index")
    return tmp_path / "index"


def in_a_thread(work: Callable[[], None]) -> None:
    """Do it in another thread, which must not have to wait for the maintainer."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("at", STEPS)
def test_what_happens_during_a_publication_is_found_at_once_and_kept(
    tmp_path: Path, at: str
) -> None:
    found: list[int] = []

    def meanwhile() -> None:
        index.apply(MEANWHILE, 62)
        assert {match.face_id for match in index.search(VECTORS[4], 60)} == lives
        found.append(index.search(LATE, 1)[0].face_id)

    def on_step(step: str) -> None:
        if step == at:
            in_a_thread(meanwhile)

    lives = {*range(1, 61), 500} - {5}
    index = FaceIndex.open(tmp_path, space(), MERGING, on_step)
    fill(index, VECTORS)
    assert index.maintain()
    assert found == [500]
    report = index.status()
    assert (report.live_faces, report.delta, report.tombstones) == (60, 1, 1)
    assert (report.covered, report.position) == (60, 62)
    again = FaceIndex.open(tmp_path, space(), MERGING)
    assert again.position == 60
    again.apply(MEANWHILE, 62)
    for each in (index, again):
        assert each.search(LATE, 1)[0].face_id == 500
        assert set(each.face_ids().tolist()) == lives
        assert adds_up(each)


def test_a_build_that_fails_leaves_the_old_index_and_no_files(published: Path) -> None:
    def full_disk(step: str) -> None:
        if step == "written":
            raise OSError(28, "no space")

    index = FaceIndex.open(published, space(), MERGING, full_disk)
    before = sorted(path.name for path in published.iterdir())
    catch_up(index)
    with pytest.raises(OSError, match="no space"):
        index.maintain()
    assert sorted(path.name for path in published.iterdir()) == before
    assert is_right(index)


def test_an_old_index_restored_forgets_the_removed_again(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "backup")
    index = FaceIndex.open(published, space(), MERGING)
    catch_up(index)
    assert index.maintain()
    shutil.rmtree(published)
    (tmp_path / "backup").rename(published)
    restored = FaceIndex.open(published, space(), MERGING)
    assert restored.position == EARLY
    assert is_right(restored)
    # A process that holds more does not step back, and publishes what it has.
    index.refresh()
    assert index.position == len(LOG)
    assert index.maintain()
    assert FaceIndex.open(published, space(), MERGING).position == len(LOG)


@pytest.mark.parametrize("new_id", [21, 20], ids=["a new id", "the same id"])
def test_an_old_index_never_takes_the_next_face_for_the_highest_one(
    published: Path, tmp_path: Path, new_id: int
) -> None:
    shutil.copytree(published, tmp_path / "backup")
    log: list[Change] = [FaceRemoved(21, 20), FaceAdded(22, new_id, LATE)]
    index = FaceIndex.open(published, space(), MERGING)
    index.apply(log, 22)
    index.compact()
    shutil.rmtree(published)
    (tmp_path / "backup").rename(published)
    restored = FaceIndex.open(published, space(), MERGING)
    assert restored.position == EARLY
    restored.apply(log, 22)
    faces = {**by_id(VECTORS[:19]), new_id: LATE}
    for query in (VECTORS[19], LATE):
        for each in (index, restored):
            assert each.search(query, 3) == brute_force(faces, query, 3)
    assert adds_up(restored)


@pytest.mark.parametrize("other", [space(weights="1"), space(dimensions=8)])
def test_an_index_of_another_space_is_never_searched(published: Path, other: EmbeddingSpec) -> None:
    index = FaceIndex.open(published, other, MERGING)
    assert (index.position, index.count) == (0, 0)
    assert index.problem is not None


def test_an_empty_index_of_another_space_covers_nothing(tmp_path: Path) -> None:
    FaceIndex.open(tmp_path, space(weights="1"), MERGING).rebuild([], 7)
    assert FaceIndex.open(tmp_path, space(), MERGING).position == 0


def test_the_directory_deleted_under_a_running_process(published: Path) -> None:
    index = FaceIndex.open(published, space(), MERGING)
    shutil.rmtree(published)
    assert not index.refresh()
    assert is_right(index)
    assert not index.verify().ok
    assert index.maintain()
    assert index.verify().ok
    assert is_right(FaceIndex.open(published, space(), MERGING))


@pytest.mark.parametrize("at", STEPS)
def test_the_directory_deleted_during_a_publication(published: Path, at: str) -> None:
    deleted: list[str] = []

    def on_step(step: str) -> None:
        if step == at and not deleted:
            shutil.rmtree(published)
            deleted.append(step)

    index = FaceIndex.open(published, space(), MERGING, on_step)
    catch_up(index)
    try:
        index.maintain()
    except (OSError, BuildFailed):
        assert at != "published"
    assert deleted == [at]
    assert is_right(index)
    assert index.maintain()
    assert index.verify().ok
    again = FaceIndex.open(published, space(), MERGING)
    again.finish_checks()
    assert (again.position, again.problem) == (len(LOG), None)
    assert is_right(again)


def test_ids_of_any_size_cost_no_memory_and_no_disk(tmp_path: Path) -> None:
    """An array with a place for every id up to these would not fit into what is allowed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.index_child", "huge_ids", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    small, *large = (bytes_in(published_files(path)) for path in sorted(tmp_path.iterdir()))
    assert len(large) == 2
    # Ids are written as decimal digits here and there, and trees grow a little by chance.
    assert max(large) < 1.2 * small
