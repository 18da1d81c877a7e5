"""Ten thousand enrollments, one process, the default policy: nothing grows that need not.

As the service does it: each is committed to the database and found at once, and the upkeep comes
by every few hundred.
"""

import ctypes
import gc
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, update

from core.types import EmbeddingSpec, Matrix, Similarity
from core.vectors import to_bytes
from db import faces, migrate, users
from db import gallery as gallery_row
from db.models import FaceRow, Gallery
from db.session import Database, Session
from index import FaceIndex
from index.policy import DEFAULT_POLICY
from pipeline.gallery import LiveGallery
from tests.index_kit import adds_up, bytes_in, published_files, segment_names

SPEC = EmbeddingSpec("test", "0" * 64, "mtcnn", "five", "unit", 512, Similarity.COSINE)
ENROLLED = 10_000
AT_ONCE = 10
UPKEEP_EVERY = 250
REMOVED_EVERY = 20
"""Of twenty faces one is removed again."""
WARM_UP = 2 * DEFAULT_POLICY.seal_at
MEGABYTE = 1 << 20
DELTA_BYTES = 2 * DEFAULT_POLICY.seal_at * 4 * SPEC.dimensions
"""What an unsealed delta may take: its room doubles, up to twice of what is sealed."""


@dataclass(frozen=True)
class Sample:
    """What the process holds: bytes that are no file's, descriptors of the index and others."""

    enrolled: int
    anonymous: int
    of_index: int
    others: int

    @classmethod
    def now(cls, enrolled: int, directory: Path) -> "Sample":
        # What was freed is given back: else the allocator keeps some of a build, by chance.
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
        assert found is not None
        links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        of_index = sum(link.startswith(str(directory)) for link in links)
        return cls(enrolled, int(found[1]) * 1024, of_index, len(links) - of_index)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[tuple[Database, LiveGallery]]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    index = FaceIndex.open(tmp_path / "index", SPEC)
    yield database, LiveGallery(database, index, SPEC, tmp_path / "repair.lock")
    database.close()


def batch(number: int) -> Matrix:
    """The embeddings of one commit, the same whenever asked for."""
    vectors = np.random.default_rng(number).standard_normal((AT_ONCE, SPEC.dimensions))
    unit: Matrix = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def enroll(session: Session, person_id: int, number: int) -> None:
    """One commit's faces, written at once; of the earlier ones one in twenty is removed."""
    space, now = gallery_row.spec_id(session, SPEC), datetime.now(UTC)
    first_seq = gallery_row.last_seq(session) + 1
    session.execute(update(Gallery).values(seq=Gallery.seq + AT_ONCE))
    rows = [
        {
            "person_id": person_id,
            "spec_id": space,
            "embedding": to_bytes(vector),
            "quality": {},
            "seq": first_seq + place,
            "created_at": now,
        }
        for place, vector in enumerate(batch(number))
    ]
    session.execute(insert(FaceRow), rows)
    newest = (number + 1) * AT_ONCE
    if newest % REMOVED_EVERY == 0:
        faces.remove(session, newest - REMOVED_EVERY // 2)


def grown(database: Database, gallery: LiveGallery, directory: Path) -> list[Sample]:
    """Enroll everybody, with the upkeep; what the process held after each."""
    with database.write() as session:
        person_id = users.create(session, "p").id
    samples = []
    for number in range(ENROLLED // AT_ONCE):
        with database.write() as session:
            enroll(session, person_id, number)
        newest = (number + 1) * AT_ONCE
        assert gallery.search(batch(number)[-1], 1)[0].face_id == newest
        if newest % UPKEEP_EVERY == 0:
            gallery.maintain()
            gallery.index.finish_checks()
            samples.append(Sample.now(newest, directory))
    return samples


def test_ten_thousand_enrollments_leave_one_copy_and_nothing_behind(
    gallery: tuple[Database, LiveGallery], tmp_path: Path
) -> None:
    samples = grown(*gallery, tmp_path / "index")
    memory_and_descriptors_stay(samples)
    live, index = gallery[1], gallery[1].index
    report = index.status()
    assert adds_up(index)
    assert report.live_faces == ENROLLED - ENROLLED // REMOVED_EVERY
    # Nobody asked for it, and all but the newest is sealed, in few segments.
    assert report.delta < DEFAULT_POLICY.seal_at
    assert report.covered >= index.position - DEFAULT_POLICY.seal_at - 2 * UPKEEP_EVERY
    assert len(report.segments) <= DEFAULT_POLICY.fanout + 1
    assert segment_names(tmp_path / "index") == {part.name for part in report.segments}
    for face_id in range(1, ENROLLED + 1, 97):
        removed = face_id % REMOVED_EVERY == REMOVED_EVERY // 2
        vector = batch((face_id - 1) // AT_ONCE)[(face_id - 1) % AT_ONCE]
        assert (live.search(vector, 1)[0].face_id == face_id) != removed, face_id
    used = bytes_in(published_files(tmp_path / "index"))
    assert index.compact()
    assert used <= 1.6 * bytes_in(published_files(tmp_path / "index"))
    assert index.verify().ok


def memory_and_descriptors_stay(samples: list[Sample]) -> None:
    """After the warm-up, the second half holds no more than the first.

    The maps of segments grow with the gallery and are files, which the system drops when it needs
    room. What is the process's own is the delta, that comes and goes, and a few dozen bytes for
    each face (its id, its removal, the head of its sketch): far less than another delta. A delta
    that is not given back after a seal, of which the second half has at least one, is more, and
    so is a copy of the gallery's vectors.
    """
    warm = [sample for sample in samples if sample.enrolled >= WARM_UP]
    first, second = warm[: len(warm) // 2], warm[len(warm) // 2 :]
    held = [max(sample.anonymous for sample in half) / MEGABYTE for half in (first, second)]
    assert held[1] <= held[0] + DELTA_BYTES / MEGABYTE / 2, (held, samples)
    assert {sample.others for sample in first} == {sample.others for sample in second}, samples
    # A few for each open segment, of which there are at most so many.
    most = max(sample.of_index for sample in samples if sample.enrolled < WARM_UP)
    assert max(sample.of_index for sample in warm) <= DEFAULT_POLICY.fanout * most, samples
