"""A process of test_index_processes: `python -m tests.faults.index_worker ROLE FOLDER NUMBER`.

All of them share a database, an index directory and a board: a byte for each face, by its id.
Ends when the board says so, prints its counts, and fails at the first broken promise.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.types import EmbeddingSpec, Similarity, Vector
from db import faces, users
from db.session import Database
from index import FaceIndex, Policy
from pipeline.gallery import LiveGallery

SPEC = EmbeddingSpec("test", "0" * 64, "mtcnn", "five", "none", 32, Similarity.COSINE)
POLICY = Policy(
    seal_at=16, exact_below=32, forest_from=200, candidates=20, probes=20, trees=5, fanout=3
)
"""Seals about every second, and merges with all three ways of finding candidates."""
MOST_FACES = 200_000
NEW, COMMITTED, LEAVING, GONE = range(4)
_ENROLLED_AHEAD = 50
_BETWEEN_SEARCHES = 0.01
"""Five that search without a pause leave nothing of two cores to those that change."""


class Board:
    """What every process knows of every face at any moment; `0` in the first byte means go on.

    A face is COMMITTED only after its commit returned, LEAVING before its deletion begins, and
    GONE after that one's commit returned.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "board"
        if not path.exists():
            path.write_bytes(bytes(MOST_FACES))
        self.states: npt.NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r+")

    @property
    def over(self) -> bool:
        return bool(self.states[0])

    def end(self) -> None:
        self.states[0] = 1

    def snapshot(self) -> npt.NDArray[np.uint8]:
        """The states at this moment, of the faces there are so far."""
        copy = np.array(self.states)
        return copy[: int(copy.nonzero()[0].max(initial=0)) + 1]


def vector_of(face_id: int) -> Vector:
    values = np.random.default_rng(face_id).standard_normal(SPEC.dimensions).astype(np.float32)
    return values / np.linalg.norm(values)


def open_gallery(folder: Path) -> tuple[Database, LiveGallery]:
    database = Database(f"sqlite:///{folder / 'kenal.sqlite3'}")
    index = FaceIndex.open(folder / "index", SPEC, POLICY)
    return database, LiveGallery(database, index, SPEC, folder / "repair.lock")


@dataclass
class Worker:
    """A process with its own connection and its own index."""

    folder: Path
    number: int
    board: Board
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.database, self.gallery = open_gallery(self.folder)
        self.random = np.random.default_rng(self.number)

    def enroll(self) -> None:
        """A face is found by the process that committed it, at once."""
        face_id = int(self.counts["enrolled"]) + 1
        with self.database.write() as session:
            person = users.create(session, f"p{face_id}")
            row = faces.add(session, person, SPEC, vector_of(face_id), {})
        assert row.id == face_id, "one process enrolls, and numbers are never used again"
        self.board.states[face_id] = COMMITTED
        self.counts["enrolled"] += 1
        named = [found.face_id for found in self.gallery.search(vector_of(face_id), 1)]
        if named != [face_id]:
            assert self.board.states[face_id] != COMMITTED, f"{face_id} is not found at once"

    def delete(self) -> None:
        """A face is not found by the process that deleted it, from then on."""
        living = np.flatnonzero(self.board.snapshot() == COMMITTED)
        if len(living) < _ENROLLED_AHEAD:
            time.sleep(0.05)
            return
        face_id = int(self.random.choice(living))
        self.board.states[face_id] = LEAVING
        with self.database.write() as session:
            users.delete(session, users.get(session, f"p{face_id}"))
        self.board.states[face_id] = GONE
        self.counts["deleted"] += 1
        assert face_id not in self.named(vector_of(face_id), 3)
        assert face_id not in {
            found.face_id for found in self.gallery.search(vector_of(face_id), 3)
        }

    def search(self) -> None:
        """What was committed before the search is found, what was deleted before is not named."""
        time.sleep(_BETWEEN_SEARCHES)
        before = self.board.snapshot()
        living = np.flatnonzero(before == COMMITTED)
        if len(living) == 0:
            return
        # Every second time one of the newest: those are in the delta, or just being sealed.
        newest = living[-20:] if self.counts["searched"] % 2 else living
        face_id = int(self.random.choice(newest))
        if self.counts["searched"] % 4 < 2:
            named = [found.face_id for found in self.gallery.search(vector_of(face_id), 3)]
        else:
            named = self.named(vector_of(face_id), 3)
        self.counts["searched"] += 1
        for other in named:
            assert other >= len(before) or before[other] != GONE, f"{other} was deleted before"
        if named[:1] != [face_id]:
            assert self.board.states[face_id] != COMMITTED, f"{face_id} is not found"
            self.counts["left meanwhile"] += 1

    def maintain(self) -> None:
        """Seal, and now and then what else an operator may do meanwhile."""
        self.counts["published"] += self.gallery.maintain()
        self.counts["rounds"] += 1
        if self.counts["rounds"] % 50 == 0:
            self.gallery.index.finish_checks()
            assert self.gallery.index.verify().ok
            self.counts["verified"] += 1
        time.sleep(0.02)

    def named(self, vector: Vector, k: int) -> list[int]:
        """Whom the index proposes, before the database has its word."""
        self.gallery.catch_up()
        return [match.face_id for match in self.gallery.index.search(vector, k)]


ROLES: dict[str, Callable[[Worker], None]] = {
    "enroll": Worker.enroll,
    "delete": Worker.delete,
    "search": Worker.search,
    "maintain": Worker.maintain,
}


def main(role: str, folder: str, number: str) -> None:
    worker = Worker(Path(folder), int(number), Board(Path(folder)))
    assert not worker.gallery.check(), "the index and the database differ at the start"
    assert worker.gallery.index.problem is None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not worker.board.over:
        ROLES[role](worker)
    sys.stdout.write(json.dumps(worker.counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
