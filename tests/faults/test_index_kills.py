"""`kill -9` of a maintainer at every event of a publication: the old index or the new, whole."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from index import FaceIndex
from index.errors import BuildFailed
from tests.faults.index_log import APART, EARLY, LOG, MERGING, catch_up, is_right, publish
from tests.index_kit import segment_names, space

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
STEPS = ["building", "written", "renamed", "publishing", "published", "swept"]


def child(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.index_child", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Where the killed maintainers left their directories, and at which event each died."""
    folder = tmp_path_factory.mktemp("kills")
    with child("kills", str(folder)) as driver:
        out, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0
    return folder, json.loads(out)


def test_every_step_and_every_change_of_the_disk_was_an_event(
    killed: tuple[Path, list[str]],
) -> None:
    _, events = killed
    assert [event for event in events if event in STEPS] == STEPS
    assert {"open for writing", "os.fsync", "os.rename", "os.mkdir", "os.rmdir"} <= set(events)
    # The segment is renamed, then the manifest; both are synced before it and their names after.
    build = events[events.index("building") : events.index("renamed")]
    swap = events[events.index("publishing") : events.index("published")]
    for part in (build, swap):
        assert "os.fsync" in part[: part.index("os.rename")]
    assert "os.fsync" in swap[swap.index("os.rename") :]


def test_a_maintainer_killed_anywhere_leaves_the_old_or_the_new(
    killed: tuple[Path, list[str]],
) -> None:
    folder, events = killed
    swap = events.index("os.rename", events.index("publishing"))
    for number, event in enumerate(events):
        directory = folder / str(number + 1)
        # An event is heard before what it names is done.
        expected = EARLY if number <= swap else len(LOG)
        index = FaceIndex.open(directory, space(), MERGING)
        index.finish_checks()
        assert (index.position, index.problem) == (expected, None), event
        assert index.verify().ok, event
        assert is_right(index), event
        # The lease is free, and what the dead one left behind goes away.
        assert index.maintain() == (expected == EARLY), event
        listed = {segment.name for segment in index.status().segments}
        assert segment_names(directory) == listed, event
        assert len(listed) == 1
        assert index.verify().ok


def test_no_temporary_file_outlives_the_next_maintainer(killed: tuple[Path, list[str]]) -> None:
    folder, events = killed
    for number, event in enumerate(events):
        directory = folder / str(number + 1)
        index = FaceIndex.open(directory, space(), MERGING)
        catch_up(index)
        index.maintain()
        names = {path.name for path in directory.iterdir() if path.is_file()}
        assert names <= {path.name for path in (folder / "prepared").iterdir()}, event


def test_a_maintainer_killed_while_another_process_builds_for_it(tmp_path: Path) -> None:
    with child("kills_apart", str(tmp_path)) as driver:
        out, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0
    events: list[str] = json.loads(out)
    # How often the builder is heard differs from run to run, so that any one step may be missed
    # by all kills, and the event's name alone says what must be found.
    assert set(events) - set(STEPS), "the builder says how far it is"
    assert set(events) & set(STEPS), "and what is done with it is heard"
    for number, event in enumerate(events):
        directory = tmp_path / str(number + 1)
        index = FaceIndex.open(directory, space(), MERGING)
        assert index.problem is None, event
        assert is_right(index), event
        expected = len(LOG) if event in ("published", "swept") else EARLY
        assert index.status().covered == expected, event
        index.maintain()
        # The builder ends with its maintainer, and nothing of it stays.
        until(lambda directory=directory: not processes_of(directory))  # type: ignore[misc]
        index.maintain()
        assert segment_names(directory) == {part.name for part in index.status().segments}, event
        assert index.verify().ok, event


def processes_of(directory: Path) -> list[int]:
    """Processes that were told to work in `directory`."""
    wanted, found = f"{directory}/".encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if wanted in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def test_a_builder_that_is_killed_leaves_the_old_index(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(stage: str, done: int, total: int) -> None:
        for process in [] if killed else processes_of(tmp_path):
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    publish(tmp_path)
    index = FaceIndex.open(tmp_path, space(), APART)
    catch_up(index)
    with pytest.raises((BuildFailed, OSError)):
        index.maintain(kill)
    assert len(killed) == 1
    for each in (index, FaceIndex.open(tmp_path, space(), APART)):
        assert (each.problem, each.status().covered) == (None, EARLY)
        assert is_right(each)
    assert index.maintain()
    assert index.verify().ok
    assert len(segment_names(tmp_path)) == 1


def test_a_second_maintainer_leaves_quietly_until_the_first_is_dead(tmp_path: Path) -> None:
    publish(tmp_path)
    index = FaceIndex.open(tmp_path, space(), MERGING)
    catch_up(index)
    with child("wait", str(tmp_path), "building") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "building\n"
        assert not index.maintain()
        assert is_right(index)
        first.kill()
        first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == -signal.SIGKILL
    until(index.maintain)
    assert index.verify().ok
    assert index.status().covered == len(LOG)
    assert len(segment_names(tmp_path)) == 1
