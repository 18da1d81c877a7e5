"""Random lives of a gallery, in two processes, against a dictionary."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.types import Change, FaceAdded, FaceRemoved, Similarity, Vector
from index import FaceIndex, Policy
from tests.index_kit import brute_force, embeddings, space

DIMENSIONS = 8
DIRECTIONS = embeddings(12, DIMENSIONS, seed=1)
# So few faces a segment that Annoy inspects all of them: its proposals must be complete.
POLICY = Policy(seal_at=5, exact_below=3, trees=3, fanout=2)


class Gallery(RuleBasedStateMachine):
    """The log is the database; each index catches up with it before it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.log: list[Change] = []
        self.faces: dict[int, Vector] = {}
        self.next_id = 10**9
        self.seq = 0

    @initialize(similarity=st.sampled_from(list(Similarity)))
    def start(self, similarity: Similarity) -> None:
        self.spec = space(DIMENSIONS, similarity)
        self.indexes = [FaceIndex.open(self.directory, self.spec, POLICY) for _ in range(2)]

    @rule(direction=st.integers(0, 11), noise=st.integers(0, 3), count=st.integers(1, 6))
    def enroll(self, direction: int, noise: int, count: int) -> None:
        """Several faces of much the same person; `noise` 0 makes them equal."""
        for _ in range(count):
            self.add(self.next_id, DIRECTIONS[direction] + noise * self.wobble())
            self.next_id += 1

    @precondition(lambda self: self.faces)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        face_id = data.draw(st.sampled_from(sorted(self.faces)))
        del self.faces[face_id]
        # As in the database: a removed face's row is gone, only its removal is left to read.
        self.log = [c for c in self.log if c.face_id != face_id]
        self.log.append(FaceRemoved(self.next_seq(), face_id))

    @precondition(lambda self: self.faces)
    @rule(data=st.data(), direction=st.integers(0, 11))
    def replace(self, data: st.DataObject, direction: int) -> None:
        self.remove(data)
        self.add(self.next_id, DIRECTIONS[direction])
        self.next_id += 1

    @rule(which=st.integers(0, 1))
    def catch_up(self, which: int) -> None:
        index = self.indexes[which]
        index.refresh()
        index.apply([c for c in self.log if c.seq > index.position], self.seq)

    @rule(which=st.integers(0, 1))
    def maintain(self, which: int) -> None:
        self.indexes[which].maintain()

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.indexes[which] = FaceIndex.open(self.directory, self.spec, POLICY)
        assert self.indexes[which].problem is None

    @rule(which=st.integers(0, 1))
    def rebuild(self, which: int) -> None:
        rows = [change for change in self.log if isinstance(change, FaceAdded)]
        self.indexes[which].rebuild(rows, self.seq)

    @rule(which=st.integers(0, 1))
    def lose_the_directory(self, which: int) -> None:
        shutil.rmtree(self.directory)
        self.directory.mkdir()

    @rule(which=st.integers(0, 1), direction=st.integers(0, 11), k=st.integers(1, 12))
    def search(self, which: int, direction: int, k: int) -> None:
        self.catch_up(which)
        query = DIRECTIONS[direction] + self.wobble()
        expected = brute_force(self.faces, query, k, self.spec.similarity)
        assert self.indexes[which].search(query, k) == expected
        assert set(self.indexes[which].face_ids().tolist()) == set(self.faces)

    @invariant()
    def what_is_published_is_sound(self) -> None:
        for index in getattr(self, "indexes", []):
            report = index.verify()
            assert report.live_faces == len(index.face_ids())
            assert not report.problems or report.problems == ("the published index is gone",)

    def teardown(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def add(self, face_id: int, vector: Vector) -> None:
        self.faces[face_id] = vector
        self.log.append(FaceAdded(self.next_seq(), face_id, vector))

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def wobble(self) -> Vector:
        random = np.random.default_rng(self.next_id)
        return (0.1 * random.standard_normal(DIMENSIONS)).astype(np.float32)


TestGallery = Gallery.TestCase
TestGallery.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
