"""Corruption on disk: no crash, no wrong answer, a word about it, and an end to it."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from index import FaceIndex
from tests.faults.index_log import (
    EARLY,
    LOG,
    MERGING,
    VECTORS,
    catch_up,
    is_right,
    publish,
    publish_two_segments,
)
from tests.index_kit import (
    DAMAGES,
    SMALL,
    added,
    fill,
    flipped,
    published_files,
    replace_file,
    segment_names,
    space,
    swapped,
)

ROOT = Path(__file__).parents[2]


def run_child(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.index_child", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )


def examined(directories: list[Path]) -> None:
    """Each directory is opened, searched and healed in a process of its own."""
    done = run_child("examine", *(str(directory) for directory in directories))
    assert done.returncode == 0, done.stderr
    ended = {Path(name).name: code for name, code in json.loads(done.stdout).items()}
    assert set(ended.values()) == {0}, f"{ended}\n{done.stderr}"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two segments; only copies of it are damaged."""
    directory = tmp_path_factory.mktemp("published")
    publish_two_segments(directory)
    return directory


def copies(
    published: Path, folder: Path, files: list[Path], shift: int = 0
) -> list[tuple[Path, Path]]:
    """A copy for each of the `files`, with the file's place in it: one that a maintainer heals,
    one that a rebuild heals, one that is checked in the background, and so on from `shift`."""
    made = []
    for number, path in enumerate(files):
        how = ("maintain", "rebuild", "later")[(number + shift) % 3]
        copy = folder / f"{number}.{path.name}.{how}"
        shutil.copytree(published, copy)
        made.append((copy, copy / path.relative_to(published)))
    assert made
    return made


def parts(published: Path) -> list[Path]:
    """The files of segments: without a manifest there is just no index."""
    return [path for path in published_files(published) if path.parent != published]


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damaged_file_is_survived_said_and_healed(
    published: Path, tmp_path: Path, damage: str
) -> None:
    shift = list(DAMAGES).index(damage)
    made = copies(published, tmp_path, published_files(published), shift)
    for _, path in made:
        data = path.read_bytes()
        assert DAMAGES[damage](data) != data
        path.write_bytes(DAMAGES[damage](data))
    examined([directory for directory, _ in made])


def test_any_missing_file_is_survived_said_and_healed(published: Path, tmp_path: Path) -> None:
    made = copies(published, tmp_path, parts(published))
    for _, path in made:
        path.unlink()
    examined([directory for directory, _ in made])


def test_any_file_that_is_a_directory_or_a_loop_is_survived(
    published: Path, tmp_path: Path
) -> None:
    made = copies(published, tmp_path, published_files(published))
    for number, (_, path) in enumerate(made):
        path.unlink()
        if number % 2 or path.parent == published:
            path.symlink_to(path.name)
        else:
            path.mkdir()
    for directory, _ in made:
        index = FaceIndex.open(directory, space(), MERGING)
        index.finish_checks()
        assert index.problem is not None
        assert is_right(index)


def test_files_of_two_generations_swapped_name_nobody_wrong(
    published: Path, tmp_path: Path
) -> None:
    made = copies(published, tmp_path, parts(published))
    for directory, path in made:
        others = [other for other in directory.glob(f"*/{path.name}") if other != path]
        if others:
            assert path.read_bytes() != others[0].read_bytes()
            swapped(path, others[0])
        else:  # only one of the two segments has such a file
            path.unlink()
    examined([directory for directory, _ in made])


def test_whole_segments_swapped_name_nobody_wrong(published: Path, tmp_path: Path) -> None:
    made = copies(published, tmp_path, sorted(published.glob("seg-*")))
    for directory, _ in made:
        swapped(*directory.glob("seg-*"))
    examined([directory for directory, _ in made])


def test_a_damaged_index_too_small_to_seal_is_written_anew_too(tmp_path: Path) -> None:
    FaceIndex.open(tmp_path, space(), SMALL).rebuild(added(VECTORS[:5]), 5)
    (tmp_path / "manifest.json").write_bytes(b"{}")
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, VECTORS[:5])
    assert index.maintain()
    again = FaceIndex.open(tmp_path, space(), SMALL)
    again.finish_checks()
    assert (again.position, again.count, again.problem) == (5, 5, None)


def test_a_missing_manifest_is_an_empty_index(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "manifest.json").unlink()
    index = FaceIndex.open(tmp_path, space(), MERGING)
    assert (index.position, index.count) == (0, 0)
    assert is_right(index)
    assert index.maintain()
    assert len(segment_names(tmp_path)) == 1


def test_a_newer_versions_manifest_is_left_to_a_rebuild(tmp_path: Path) -> None:
    publish(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "format": 999}))
    index = FaceIndex.open(tmp_path, space(), MERGING)
    assert (index.position, index.count) == (0, 0)
    assert index.problem is not None
    examined([tmp_path])


def test_a_damaged_newer_manifest_leaves_the_running_process_as_it_is(tmp_path: Path) -> None:
    publish(tmp_path)
    index, other = (FaceIndex.open(tmp_path, space(), MERGING) for _ in range(2))
    catch_up(other)
    assert other.maintain()
    path = tmp_path / "manifest.json"
    replace_file(path, flipped(path.read_bytes(), 200))
    assert not index.refresh()
    assert index.problem is not None
    assert (index.position, is_right(index)) == (EARLY, True)
    assert index.maintain()
    assert other.refresh()
    for each in (index, other):
        assert is_right(each)
        assert each.verify().ok


def test_any_file_of_a_newer_segment_damaged_before_a_process_adopts_it(tmp_path: Path) -> None:
    publish(tmp_path / "0")
    old = segment_names(tmp_path / "0")
    publish(tmp_path / "merged", seqs=(EARLY, len(LOG)))
    count = len(parts(tmp_path / "merged"))
    for number in range(count):
        directory = tmp_path / f"running{number}"
        shutil.copytree(tmp_path / "0", directory)
        index, other = (FaceIndex.open(directory, space(), MERGING) for _ in range(2))
        catch_up(other)
        assert other.maintain()
        assert not old & segment_names(directory)
        path = parts(directory)[number]
        replace_file(path, flipped(path.read_bytes(), path.stat().st_size // 2))
        index.refresh()
        index.finish_checks()
        assert index.problem is not None, path.name
        assert is_right(index), path.name
        assert index.maintain(), path.name
        assert index.verify().ok
        other.refresh()
        assert is_right(other)


def test_a_damage_found_before_the_adoption_is_over_is_said(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a check of a small segment on a busy machine is: done before its starter goes on."""
    start = threading.Thread.start

    def start_and_finish(thread: threading.Thread) -> None:
        start(thread)
        thread.join()

    largest = max(parts(published), key=lambda path: path.stat().st_size)
    [[directory, path]] = copies(published, tmp_path, [largest])
    path.write_bytes(flipped(path.read_bytes(), path.stat().st_size // 2))
    monkeypatch.setattr(threading.Thread, "start", start_and_finish)
    index = FaceIndex.open(directory, space(), MERGING, check_at_once=0)
    index.finish_checks()
    assert index.problem is not None


def test_a_maintainer_that_cannot_heal_a_damage_says_so_as_promised(
    published: Path, tmp_path: Path
) -> None:
    """Of vectors that were damaged under a process that had begun to use them."""
    for directory, path in copies(published, tmp_path, parts(published)):
        path.write_bytes(flipped(path.read_bytes(), path.stat().st_size // 2))
        index = FaceIndex.open(directory, space(), MERGING, check_at_once=0)
        index.finish_checks()
        catch_up(index)
        index.maintain()


def test_cutting_a_mapped_file_can_end_only_the_process_that_maps_it(tmp_path: Path) -> None:
    """In place, which nothing of Kenal does and no program can survive; the next one does."""
    publish(tmp_path)
    done = run_child("truncated", str(tmp_path))
    assert done.returncode in (0, -signal.SIGBUS), done.stderr
    examined([tmp_path])
