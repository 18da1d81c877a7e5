"""Kills, corruption and races: the old index or the new one, never a wrong name."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.types import EmbeddingSpec, FaceAdded, FaceRemoved
from index import FaceIndex
from tests.faults.index_log import EARLY, LOG, MERGING, VECTORS, catch_up, is_right
from tests.index_kit import SMALL, added, embeddings, fill, space

ROOT = Path(__file__).parents[2]
Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "twelve_nodes_short": lambda data: data[: -12 * 76],
    "half": lambda data: data[: len(data) // 2],
    "seven_bytes_short": lambda data: data[:-7],
    "seven_bytes_long": lambda data: data + bytes(7),
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "quarter_zeroed": lambda data: data[: -len(data) // 4] + bytes(-(-len(data) // 4)),
    "flipped_bit": lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:],
}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """An index directory that covers the first changes of the log."""
    index = FaceIndex.open(tmp_path / "index", space(), MERGING)
    catch_up(index, EARLY)
    assert index.maintain()
    return tmp_path / "index"


def child(directory: Path, step: str, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.index_child", str(directory), step, how]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


@pytest.mark.parametrize(
    ("step", "covered"),
    [
        ("building", EARLY),
        ("written", EARLY),
        ("renamed", EARLY),
        ("publishing", EARLY),
        ("published", len(LOG)),
        ("swept", len(LOG)),
    ],
)
def test_a_maintainer_killed_anywhere_leaves_the_old_or_the_new(
    published: Path, step: str, covered: int
) -> None:
    with child(published, step, "kill") as killed:
        killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL

    index = FaceIndex.open(published, space(), MERGING)
    assert (index.position, index.problem) == (covered, None)
    assert is_right(index)
    # The lease is free, and what the dead one left behind goes away.
    assert index.maintain() == (covered == EARLY)
    names = {path.name for path in published.iterdir() if path.is_dir()}
    assert len(names) == len(index.verify().segments) == 1
    assert index.verify().ok


def test_a_second_maintainer_leaves_quietly_until_the_first_is_dead(published: Path) -> None:
    index = FaceIndex.open(published, space(), MERGING)
    catch_up(index)
    with child(published, "building", "wait") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "building\n"
        assert not index.maintain()
        assert is_right(index)
        first.kill()
        first.communicate(timeout=60)
    assert index.maintain()
    assert index.verify().ok


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize(
    "name", ["trees.ann", "faces.npy", "vectors.npy", "segment.json", "manifest.json"]
)
def test_a_damaged_file_means_a_replay(published: Path, name: str, damage: Damage) -> None:
    [path] = published.rglob(name)
    data = path.read_bytes()
    assert damage(data) != data
    path.write_bytes(damage(data))
    ends_well_after_damage(published)


@pytest.mark.parametrize("name", ["trees.ann", "faces.npy", "vectors.npy", "segment.json"])
def test_a_missing_file_means_a_replay(published: Path, name: str) -> None:
    [path] = published.rglob(name)
    path.unlink()
    ends_well_after_damage(published)


def ends_well_after_damage(directory: Path) -> None:
    index = FaceIndex.open(directory, space(), MERGING)
    assert (index.position, index.count) == (0, 0)
    assert index.problem is not None
    assert not index.verify().ok
    # Not before it has caught up, or nothing would be published as if it were all.
    assert not index.maintain()
    assert is_right(index)
    assert index.maintain()
    assert index.verify().ok
    again = FaceIndex.open(directory, space(), MERGING)
    assert (again.position, again.problem) == (len(LOG), None)
    assert is_right(again)


@pytest.mark.parametrize("name", ["trees.ann", "faces.npy", "vectors.npy", "segment.json"])
def test_files_of_two_generations_swapped_name_nobody_wrong(tmp_path: Path, name: str) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    for start in (0, 20):
        fill(index, VECTORS[start : start + 20], first_id=start + 1)
        assert index.maintain()
    first, second = tmp_path.rglob(name)
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    ends_well_after_damage(tmp_path)


def test_whole_segments_swapped_name_nobody_wrong(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, VECTORS[:20])
    assert index.maintain()
    fill(index, VECTORS[20:40], first_id=21)
    index.apply([FaceRemoved(41, 7)], 41)
    assert index.maintain()
    first, second = tmp_path.glob("seg-*")
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    ends_well_after_damage(tmp_path)


def test_a_damaged_index_too_small_to_seal_is_written_anew_too(tmp_path: Path) -> None:
    FaceIndex.open(tmp_path, space(), SMALL).rebuild(added(VECTORS[:5]), 5)
    (tmp_path / "manifest.json").write_bytes(b"{}")
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, VECTORS[:5])
    assert index.maintain()
    again = FaceIndex.open(tmp_path, space(), SMALL)
    assert (again.position, again.count, again.problem) == (5, 5, None)


def test_a_missing_manifest_is_an_empty_index(published: Path) -> None:
    (published / "manifest.json").unlink()
    index = FaceIndex.open(published, space(), MERGING)
    assert (index.position, index.count) == (0, 0)
    assert is_right(index)
    assert index.maintain()
    assert len(list(published.glob("seg-*"))) == 1


@pytest.mark.parametrize("other", [space(weights="1"), space(dimensions=8)])
def test_an_index_of_another_space_is_never_searched(published: Path, other: EmbeddingSpec) -> None:
    index = FaceIndex.open(published, other, MERGING)
    assert (index.position, index.count) == (0, 0)
    assert index.problem is not None


def test_an_empty_index_of_another_space_covers_nothing(tmp_path: Path) -> None:
    FaceIndex.open(tmp_path, space(weights="1"), MERGING).rebuild([], 7)
    assert FaceIndex.open(tmp_path, space(), MERGING).position == 0


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


def test_a_damaged_newer_manifest_leaves_the_running_process_as_it_is(published: Path) -> None:
    index, other = (FaceIndex.open(published, space(), MERGING) for _ in range(2))
    catch_up(other)
    assert other.maintain()
    [trees] = published.rglob("trees.ann")
    trees.write_bytes(bytes(trees.stat().st_size))
    assert not index.refresh()
    assert index.problem is not None
    assert is_right(index)
    assert index.maintain()
    assert other.refresh()
    assert is_right(other)
    assert other.verify().ok


def test_the_directory_deleted_under_a_running_process(published: Path) -> None:
    index = FaceIndex.open(published, space(), MERGING)
    shutil.rmtree(published)
    assert not index.refresh()
    assert is_right(index)
    assert not index.verify().ok
    assert index.maintain()
    assert index.verify().ok
    assert is_right(FaceIndex.open(published, space(), MERGING))


def test_what_happens_during_a_build_is_kept(tmp_path: Path) -> None:
    late = embeddings(1, seed=99)[0]

    def meanwhile(step: str) -> None:
        if step == "written":
            index.apply([FaceRemoved(61, 5), FaceAdded(62, 500, late)], 62)

    index = FaceIndex.open(tmp_path, space(), MERGING, meanwhile)
    fill(index, VECTORS)
    assert index.maintain()
    again = FaceIndex.open(tmp_path, space(), MERGING)
    again.apply([FaceRemoved(61, 5), FaceAdded(62, 500, late)], 62)
    for each in (index, again):
        assert each.search(late, 1)[0].face_id == 500
        assert 5 not in set(each.face_ids().tolist())
        assert each.count == 60


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


def test_threads_search_while_segments_are_swapped(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(50 * 16)
    fill(index, vectors[:16])
    done, failures, searches = threading.Event(), [], []

    def search() -> None:
        while not done.wait(0.001):
            for face_id in (1, 9, 16):
                best = index.search(vectors[face_id - 1], 1)
                if best[0].face_id != face_id:
                    failures.append(best)
                searches.append(face_id)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    swaps = 0
    for start in range(16, 50 * 16, 16):
        fill(index, vectors[start : start + 16], first_id=start + 1)
        swaps += index.maintain()
    done.set()
    for thread in threads:
        thread.join()
    assert (failures, swaps) == ([], 49)
    assert len(searches) > swaps


def open_descriptors() -> list[Path]:
    with os.scandir("/proc/self/fd") as entries:
        paths = [Path(entry.path) for entry in entries]
    return [path for path in paths if path.is_symlink()]  # the scan's own is closed by now


def test_descriptors_and_maps_stay_flat_over_fifty_swaps(tmp_path: Path) -> None:
    index, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    vectors = embeddings(50)

    def held() -> tuple[int, ...]:
        maps = Path("/proc/self/maps").read_text().splitlines()
        links = [str(link.readlink()) for link in open_descriptors()]
        return tuple(sum(str(tmp_path) in text for text in texts) for texts in (links, maps))

    def swap() -> None:
        index.rebuild(added(vectors), 50)
        assert other.refresh()
        other.search(vectors[0], 3)

    swap()
    before = held()
    assert min(before) > 0
    for _ in range(50):
        swap()
    assert held() == before
    assert len(list(tmp_path.glob("seg-*"))) == 1
