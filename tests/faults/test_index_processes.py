"""Eight processes on one index and one database: nobody committed is missed, nobody deleted named.

20 seconds; `KENAL_SOAK_SECONDS` asks for another time.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from db import changes, faces, gallery, migrate, users
from db.session import Database, Session
from tests.faults.index_worker import COMMITTED, GONE, SPEC, Board, open_gallery, vector_of
from tests.index_kit import adds_up, segment_names

ROOT = Path(__file__).parents[2]
SECONDS = 20.0
ROLES = ("enroll", "delete", *(["search"] * 5), "maintain")
KILLS = 3
PATIENCE_SECONDS = 120


def started(role: str, folder: Path, number: int) -> subprocess.Popen[str]:
    words = [role, str(folder), str(number)]
    command = [sys.executable, "-m", "tests.faults.index_worker", *words]
    pipe = subprocess.PIPE
    # Eight processes that spin for each other's cores would do little else.
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, env=alone)


def is_ready(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "ready\n"


def killed_again_and_again(
    maintainer: subprocess.Popen[str], folder: Path, seconds: float
) -> subprocess.Popen[str]:
    """The last of the maintainers; the others were killed, each after another time at work."""
    began = time.monotonic()
    for number in range(KILLS):
        # Not at even times, which a seal every so often might always miss.
        time.sleep(seconds / (KILLS + 1) * (0.8 + 0.07 * number))
        assert maintainer.poll() is None, maintainer.communicate()[1]
        maintainer.send_signal(signal.SIGKILL)
        maintainer.communicate(timeout=PATIENCE_SECONDS)
        maintainer = started("maintain", folder, 100 + number)
        assert is_ready(maintainer), maintainer.communicate()[1]
    # On a busy machine the starts take most of the time: the last one is to do something too.
    time.sleep(max(seconds / 5, began + seconds - time.monotonic()))
    return maintainer


def test_eight_processes_agree_while_maintainers_are_killed(tmp_path: Path) -> None:
    seconds = float(os.environ.get("KENAL_SOAK_SECONDS") or SECONDS)
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    database.close()
    board = Board(tmp_path)
    processes = [started(role, tmp_path, number) for number, role in enumerate(ROLES)]
    counts: Counter[str] = Counter()
    try:
        for process in processes:
            assert is_ready(process), process.communicate()[1]
        processes[-1] = killed_again_and_again(processes[-1], tmp_path, seconds)
        board.end()
        for process in processes:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0, err
            counts.update(json.loads(out))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    sys.stdout.write(f"{seconds:g} s, {KILLS} maintainers killed: {dict(sorted(counts.items()))}\n")
    assert min(counts[name] for name in ("enrolled", "deleted", "searched", "rounds")) > 0
    what_is_left_is_whole(tmp_path, board)


def what_is_left_is_whole(folder: Path, board: Board) -> None:
    database, gallery = open_gallery(folder)
    states = board.snapshot()
    living = set((states[1:] == COMMITTED).nonzero()[0] + 1)
    assert set(states[1:].tolist()) <= {COMMITTED, GONE}
    with database.read() as session:
        assert set(changes.live_ids(session, SPEC).tolist()) == living
    gallery.index.finish_checks()
    assert not gallery.check()
    gallery.maintain()
    index = gallery.index
    assert set(index.face_ids().tolist()) == living
    assert adds_up(index)
    assert index.verify().ok
    assert segment_names(folder / "index") == {part.name for part in index.status().segments}
    assert index.status().covered > 0, "nobody sealed anything"
    database.close()


def enroll(database: Database, first: int, count: int) -> None:
    with database.write() as session:
        for face_id in range(first, first + count):
            person = users.create(session, f"p{face_id}")
            faces.add(session, person, SPEC, vector_of(face_id), {})


def test_a_manifest_that_another_thread_adopts_meanwhile_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread has read the newest seq; before it looks at the index, others enroll and seal,
    and a second thread of this process adopts what they published."""
    database, ours = open_gallery(tmp_path)
    _, maintainer = open_gallery(tmp_path)
    migrate.upgrade(database)
    enroll(database, 1, 100)
    assert maintainer.maintain()
    assert ours.catch_up() is None
    read = gallery.last_seq
    happened: list[bool] = []

    def last_seq(session: Session) -> int:
        newest = read(session)
        if not happened:
            happened.append(True)
            enroll(database, 101, 100)
            happened.append(maintainer.maintain() and ours.index.refresh())
        return newest

    monkeypatch.setattr(gallery, "last_seq", last_seq)
    assert ours.catch_up() is None
    assert happened == [True, True]
    assert ours.count == 200
    database.close()
