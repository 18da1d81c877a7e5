"""A segment that is built by a process of its own: killed, orphaned, without room."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import StorageFull
from index import FaceIndex, Policy
from index.errors import BuildFailed
from tests.index_kit import added, brute_force, by_id, embeddings, fill, space

ROOT = Path(__file__).parents[2]
APART = Policy(seal_at=16, exact_below=8, forest_from=9, trees=4, child_from=10)
VECTORS = embeddings(300)


def children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def is_right(index: FaceIndex) -> bool:
    faces = by_id(VECTORS)
    return all(index.search(v, 2)[0] == brute_force(faces, v, 1)[0] for v in VECTORS[::7])


def test_it_is_as_one_built_here_and_says_how_far_it_is(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), APART)
    said: list[tuple[str, int, int]] = []
    index.rebuild(added(VECTORS), 300, lambda *step: said.append(step))
    assert is_right(index)
    assert {"reading", "writing", "sketching", "measuring"} <= {stage for stage, _, _ in said}
    fill(index, embeddings(40, seed=3), first_id=1000)
    assert index.maintain()
    assert is_right(index)
    assert index.status().live_faces == 340
    assert not list(tmp_path.glob(".building-*"))


def test_a_killed_builder_leaves_the_old_index(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), APART)
    index.rebuild(added(VECTORS), 300)
    before = index.verify()

    def kill(stage: str, _done: int, _total: int) -> None:
        if stage == "writing":
            for pid in children():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(BuildFailed):
        index.rebuild(added(VECTORS), 301, kill)
    assert index.verify() == before
    assert is_right(index)
    assert not list(tmp_path.glob(".building-*"))


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FaceIndex.open(tmp_path, space(), Policy(seal_at=16))
    index.rebuild(added(VECTORS), 300)
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _path: full)
    with pytest.raises(StorageFull):
        index.rebuild(added(VECTORS), 301)
    assert index.position == 300
    assert is_right(index)


ORPHAN = """
import os, sys, time
from pathlib import Path
from index import FaceIndex
from tests.faults.test_index_apart import APART, VECTORS, children
from tests.index_kit import added, space

def wait(stage, done, total):
    if stage == "writing":
        print(*children(), flush=True)
        time.sleep(60)

FaceIndex.open(Path(sys.argv[1]), space(), APART).rebuild(added(VECTORS), 300, wait)
"""


def test_the_builder_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        builders = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert builders
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in builders):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # What both left is swept by the next maintainer, and nothing of it is used.
    index = FaceIndex.open(tmp_path, space(), APART)
    assert (index.count, index.problem) == (0, None)
    index.rebuild(added(VECTORS), 300)
    assert is_right(index)
    assert not list(tmp_path.glob(".building-*"))
