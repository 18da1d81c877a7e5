"""Rebuilds beside everything else: nobody is lost between them and a replay, nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from core.types import EmbeddingSpec, FaceAdded, FaceRemoved
from db import changes
from db.changes import Replay
from db.session import Session
from index import FaceIndex, Policy, WentBack
from pipeline import gallery_rows
from tests.fakes import portrait
from tests.gallery_kit import gallery_in
from tests.index_kit import added, brute_force, by_id, embeddings, fill, space

ROOT = Path(__file__).parents[2]
POLICY = Policy(seal_at=16, exact_below=8, forest_from=100, trees=4, candidates=8, probes=20)


def test_changes_read_before_a_rebuild_do_not_skip_those_it_forgot(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), POLICY)
    vectors = embeddings(30)
    rows = added(vectors)
    index.apply(rows[:20], 20)
    # Another thread read the change after 20; meanwhile the index is made anew at seq 10.
    index.rebuild(rows[:10], 10, anew=True)
    index.apply(rows[20:21], 21, after=20)
    assert index.position == 10, "11 to 20 would be lost"
    with pytest.raises(WentBack):
        index.search(vectors[0], 1, at_least=20)
    index.apply(rows[10:21], 21, after=10)
    assert index.search(vectors[14], 1, at_least=21)[0].face_id == 15


def test_a_rebuild_of_the_same_database_keeps_what_came_after_it(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), POLICY)
    rows = added(embeddings(30))
    index.apply(rows, 30)
    index.rebuild(rows[:10], 10)
    assert (index.position, index.count) == (30, 30)


def test_everyone_enrolled_during_a_rebuild_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = threading.Event()
    read, go = threading.Event(), threading.Event()

    def until_published(stage: str, _done: int, _total: int) -> None:
        if stage == "writing":
            read.set()
            go.wait(60)

    def slow(session: Session, spec: EmbeddingSpec, seq: int, limit: int) -> Replay:
        batch = changes_since(session, spec, seq, limit)
        if batch.changes and not go.is_set():
            go.set()
            published.wait(60)
        return batch

    changes_since = changes.changes_since
    with gallery_in(tmp_path) as kit:
        live = kit.engine.gallery
        for person in range(1, 6):
            kit.enroll(f"p{person}.png", person)
        rows = list(gallery_rows.all_added(kit.services.database, kit.engine.chosen.spec, 5))

        def rebuild() -> None:
            live.index.rebuild(rows, 5, until_published, anew=True)
            published.set()

        thread = threading.Thread(target=rebuild)
        thread.start()
        assert read.wait(60)
        for person in range(6, 10):
            kit.enroll(f"p{person}.png", person)
            live.catch_up()
        kit.put("p10.png", portrait(10))
        monkeypatch.setattr(changes, "changes_since", slow)
        kit.convert("p10.png")
        live.catch_up()
        thread.join()
        assert [kit.who(person) for person in range(1, 11)] == [f"p{p}" for p in range(1, 11)]


def test_a_large_one_is_searched_before_its_trees_are_there(tmp_path: Path) -> None:
    vectors = embeddings(300)
    index = FaceIndex.open(tmp_path, space(), POLICY)
    index.rebuild(added(vectors), 300)
    assert not list(tmp_path.glob("seg-*/trees.ann"))
    faces = by_id(vectors)
    assert all(index.search(v, 1) == brute_force(faces, v, 1) for v in vectors[::9])
    # Also by a process that comes after a crash between the two steps.
    other = FaceIndex.open(tmp_path, space(), POLICY)
    assert other.maintain()
    assert not other.maintain(), "once"
    assert other.verify().ok


KILLED = """
import os, signal, sys
from pathlib import Path
from index import FaceIndex
from tests.faults.test_index_rebuilds import POLICY
from tests.index_kit import added, embeddings, space

def kill(stage, done, total):
    if stage == "writing":
        os.kill(os.getpid(), signal.SIGKILL)

FaceIndex.open(Path(sys.argv[1]), space(), POLICY).rebuild(added(embeddings(300)), 300, kill)
"""


def test_what_killed_rebuilds_left_is_swept_before_the_first_success(tmp_path: Path) -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
    # Each sweeps what the one before it left.
    assert len(list(tmp_path.glob(".building-*"))) == 2
    FaceIndex.open(tmp_path, space(), POLICY).maintain()
    assert not list(tmp_path.glob(".building-*"))


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_large_segments_are_built_wherever_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, safe_path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONSAFEPATH", safe_path)
    apart = Policy(seal_at=16, exact_below=8, forest_from=100, trees=4, child_from=10)
    index = FaceIndex.open(Path("var"), space(), apart)
    index.rebuild(added(embeddings(40)), 40)
    fill(index, embeddings(20, seed=3), first_id=100)
    assert index.maintain()
    assert index.verify().ok


def test_where_no_process_can_be_started_it_is_built_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    apart = Policy(exact_below=8, trees=4, child_from=10)
    index = FaceIndex.open(tmp_path, space(), apart)
    index.rebuild(added(embeddings(40)), 40)
    assert "no process can be started" in caplog.text
    assert index.verify().ok


def test_a_lost_file_is_noticed_and_written_anew_from_memory(tmp_path: Path) -> None:
    vectors = embeddings(60)
    index = FaceIndex.open(tmp_path, space(), POLICY)
    index.rebuild(added(vectors), 60)
    (words,) = tmp_path.glob("seg-*/words.npy")
    os.truncate(words.with_name("faces.npy"), 100)
    words.unlink()
    assert index.maintain()
    assert index.verify().ok
    faces = by_id(vectors)
    again = FaceIndex.open(tmp_path, space(), POLICY)
    assert all(again.search(v, 1) == brute_force(faces, v, 1) for v in vectors[::9])


def test_faces_behind_many_removed_ones_are_found(tmp_path: Path) -> None:
    dimensions = 64
    probe = embeddings(1, dimensions, seed=3)
    near = probe + 0.3 * embeddings(120, dimensions, seed=4)
    best = probe + 0.9 * embeddings(1, dimensions, seed=5)
    crowd = embeddings(3000, dimensions, seed=6)
    index = FaceIndex.open(tmp_path, space(dimensions), Policy(exact_below=100, seal_at=10**6))
    index.rebuild(added(np.concatenate([near, best, crowd])), 3121)
    removed = [FaceRemoved(3121 + face_id, face_id) for face_id in range(1, 121)]
    index.apply(removed, 3241)
    assert index.search(probe[0], 1)[0].face_id == 121


def test_faces_that_are_all_alike_are_compared_exactly(tmp_path: Path) -> None:
    centers = np.repeat(embeddings(2, 64, seed=2), 1500, axis=0)
    faces = centers + np.float32(0.03) * embeddings(3000, 64)
    index = FaceIndex.open(tmp_path, space(64), Policy(exact_below=100))
    rows: list[FaceAdded] = added(faces)
    index.rebuild(rows, 3000)
    found = [index.search(face, 1)[0].face_id for face in faces[::30]]
    assert found == list(range(1, 3001, 30))
