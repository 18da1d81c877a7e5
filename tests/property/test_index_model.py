"""Random lives of a gallery, in two processes, against a dictionary."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.types import Change, FaceAdded, FaceRemoved, Similarity, Vector
from index import FaceIndex
from tests.index_kit import (
    DAMAGES,
    SMALL,
    adds_up,
    brute_force,
    checked_search,
    embeddings,
    published_files,
    replace_file,
    space,
)

DIMENSIONS = 8
DIRECTIONS = embeddings(12, DIMENSIONS, seed=1)
RECALL = 0.95
WHICH = st.integers(0, 1)


class Killed(BaseException):
    """Ends a maintainer where it stands, as far as an exception can; real kills are elsewhere."""


class Gallery(RuleBasedStateMachine):
    """The log is the database; each index catches up with it before it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.log: list[Change] = []
        self.faces: dict[int, Vector] = {}
        self.next_id = 10**9
        self.seq = 0
        self.found = self.wanted = 0
        self.steps_to_live: int | None = None
        # No power is cut here, and waiting for the disk is most of the time.
        self.unsynced = patch("os.fsync")
        self.unsynced.start()

    @initialize(similarity=st.sampled_from(list(Similarity)))
    def start(self, similarity: Similarity) -> None:
        self.spec = space(DIMENSIONS, similarity)
        self.indexes = [self.opened() for _ in range(2)]

    @rule(
        direction=st.integers(0, 11), noise=st.integers(0, 3), count=st.integers(1, 12), which=WHICH
    )
    def enroll(self, direction: int, noise: int, count: int, which: int) -> None:
        """Several faces of much the same person, equal where `noise` is 0: each is found at once
        in one of the indexes, and the other stays behind."""
        for _ in range(count):
            self.add(self.next_id, DIRECTIONS[direction] + noise * self.wobble())
            self.next_id += 1
        self.find(which, self.next_id - 1)

    @precondition(lambda self: self.faces)
    @rule(data=st.data(), which=WHICH)
    def remove(self, data: st.DataObject, which: int) -> None:
        face_id = data.draw(st.sampled_from(sorted(self.faces)))
        vector = self.faces[face_id]
        self.forget(face_id)
        self.ask(which, vector, 3)

    @precondition(lambda self: len(self.faces) > 3)
    @rule(data=st.data())
    def remove_many(self, data: st.DataObject) -> None:
        """Enough for a segment to be written anew."""
        ids = sorted(self.faces)
        first = data.draw(st.integers(0, len(ids) - 1))
        for face_id in ids[first : first + 2 * len(ids) // 3]:
            self.forget(face_id)

    @precondition(lambda self: self.faces)
    @rule(data=st.data(), direction=st.integers(0, 11), which=WHICH)
    def replace(self, data: st.DataObject, direction: int, which: int) -> None:
        self.forget(data.draw(st.sampled_from(sorted(self.faces))))
        self.add(self.next_id, DIRECTIONS[direction])
        self.next_id += 1
        self.find(which, self.next_id - 1)

    @rule(which=WHICH)
    def catch_up(self, which: int) -> None:
        index = self.indexes[which]
        index.refresh()
        index.apply([c for c in self.log if c.seq > index.position], self.seq)

    @rule(which=WHICH)
    def maintain(self, which: int) -> None:
        self.indexes[which].maintain()

    @rule(which=WHICH)
    def compact(self, which: int) -> None:
        self.indexes[which].compact()
        assert len(self.indexes[which].status().segments) <= 1
        assert self.indexes[which].status().tombstones == 0

    @rule(which=WHICH)
    def tune(self, which: int) -> None:
        report = self.indexes[which].tune(0.9, probes=5)
        assert report is None or 0 <= report.recall <= 1

    @rule(which=WHICH)
    def reopen(self, which: int) -> None:
        self.indexes[which] = self.opened()
        self.indexes[which].finish_checks()
        assert self.indexes[which].problem is None

    @rule(which=WHICH)
    def rebuild(self, which: int) -> None:
        rows = [change for change in self.log if isinstance(change, FaceAdded)]
        self.indexes[which].rebuild(rows, self.seq)

    @rule(which=WHICH, steps=st.integers(0, 6), work=st.sampled_from(["maintain", "compact"]))
    def crash(self, which: int, steps: int, work: str) -> None:
        """A maintainer ends at some step; another one starts in its place."""
        self.catch_up(which)
        self.steps_to_live = steps
        with suppress(Killed):
            self.indexes[which].maintain() if work == "maintain" else self.compact(which)
        self.steps_to_live = None
        self.reopen(which)

    @rule(
        which=WHICH,
        place=st.integers(0, 99),
        damage=st.sampled_from(sorted(DAMAGES)),
        rebuild=st.booleans(),
    )
    def damage(self, which: int, place: int, damage: str, rebuild: bool) -> None:
        """A file is found damaged by a process that starts; the other one has the old maps."""
        files = published_files(self.directory)
        if not files:
            return
        path = files[place % len(files)]
        data = path.read_bytes()
        if DAMAGES[damage](data) == data:
            return
        replace_file(path, DAMAGES[damage](data))
        self.indexes[which] = self.opened()
        self.indexes[which].finish_checks()
        assert self.indexes[which].problem is not None
        if rebuild or self.seq == 0:
            self.rebuild(which)
        else:
            self.catch_up(which)
            assert self.indexes[which].maintain()
        self.reopen(which)

    @rule(which=WHICH)
    def lose_the_directory(self, which: int) -> None:
        shutil.rmtree(self.directory)
        self.directory.mkdir()

    @rule(which=WHICH, direction=st.integers(0, 11), k=st.integers(1, 12))
    def search(self, which: int, direction: int, k: int) -> None:
        self.ask(which, DIRECTIONS[direction] + self.wobble(), k)
        index = self.indexes[which]
        assert index.face_ids().tolist() == sorted(self.faces)
        stored = index.vectors_of(index.face_ids())
        assert set(stored.faces.tolist()) == set(self.faces)
        for face_id, vector in zip(stored.faces.tolist(), stored.vectors, strict=True):
            assert (vector == self.faces[face_id]).all()

    @invariant()
    def what_is_said_adds_up(self) -> None:
        for index in getattr(self, "indexes", []):
            assert adds_up(index)

    @rule(which=WHICH)
    def verify(self, which: int) -> None:
        report = self.indexes[which].verify()
        assert not report.problems or report.problems == ("the published index is gone",)

    @invariant()
    def the_best_are_found(self) -> None:
        assert self.found >= RECALL * self.wanted

    def teardown(self) -> None:
        self.unsynced.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def opened(self) -> FaceIndex:
        return FaceIndex.open(self.directory, self.spec, SMALL, self.hear)

    def hear(self, step: str) -> None:
        if self.steps_to_live is not None:
            self.steps_to_live -= 1
            if self.steps_to_live < 0:
                raise Killed(step)

    def ask(self, which: int, query: Vector, k: int) -> None:
        self.catch_up(which)
        index = self.indexes[which]
        found, wanted = checked_search(index, self.faces, query, k, self.spec.similarity)
        self.found, self.wanted = self.found + found, self.wanted + wanted

    def find(self, which: int, face_id: int) -> None:
        """The face is the best answer to its own vector, but for those that are equal to it."""
        self.catch_up(which)
        query = self.faces[face_id]
        ranked = brute_force(self.faces, query, len(self.faces), self.spec.similarity)
        rank = [match.face_id for match in ranked].index(face_id)
        assert face_id in {m.face_id for m in self.indexes[which].search(query, rank + 1)}

    def add(self, face_id: int, vector: Vector) -> None:
        self.faces[face_id] = vector
        self.log.append(FaceAdded(self.next_seq(), face_id, vector))

    def forget(self, face_id: int) -> None:
        del self.faces[face_id]
        # As in the database: a removed face's row is gone, only its removal is left to read.
        self.log = [c for c in self.log if c.face_id != face_id]
        self.log.append(FaceRemoved(self.next_seq(), face_id))

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def wobble(self) -> Vector:
        random = np.random.default_rng(self.next_id)
        return (0.1 * random.standard_normal(DIMENSIONS)).astype(np.float32)


TestGallery = Gallery.TestCase
TestGallery.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
