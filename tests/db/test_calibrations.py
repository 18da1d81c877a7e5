"""The calibration in force: of its own space, the newest that stands, one at a time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConflictError, NotFound
from core.types import EmbeddingSpec, Similarity
from db import calibrations, gallery, migrate
from db.calibration_models import Calibration
from db.gallery import Chosen
from db.session import Database
from tests.calibration_kit import row

SPEC = EmbeddingSpec("net", "hash", "mtcnn", "crop", "unit", 4, Similarity.COSINE)
OTHER = EmbeddingSpec("net", "other", "mtcnn", "crop", "unit", 4, Similarity.COSINE)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    with database.write() as session:
        gallery.record(session, Chosen("net", "", SPEC))
    yield database
    database.close()


def add(
    database: Database, threshold: float, instead_of: int | None, spec: EmbeddingSpec = SPEC
) -> Calibration:
    with database.write() as session:
        return calibrations.add(session, spec, row(threshold), instead_of)


def in_force(database: Database, spec: EmbeddingSpec = SPEC) -> float | None:
    with database.read() as session:
        found = calibrations.threshold_of(session, spec)
        whole = calibrations.in_force(session, spec)
    assert (found is None) == (whole is None)
    if found is None or whole is None:
        return None
    assert (whole.id, whole.threshold) == (found.id, found.threshold)
    return found.threshold


def state(database: Database) -> tuple[str | None, int | None]:
    with database.read() as session:
        return calibrations.state(session)


def test_the_newest_that_stands_is_in_force(database: Database) -> None:
    assert in_force(database) is None
    assert state(database) == (SPEC.digest, None)
    first = add(database, 0.5, None)
    second = add(database, 0.7, first.id)
    assert in_force(database) == 0.7
    assert state(database) == (SPEC.digest, second.id)
    with database.write() as session:
        calibrations.withdraw(session, SPEC, second.id, "ann")
    assert in_force(database) == 0.5
    assert state(database) == (SPEC.digest, first.id)
    with database.write() as session:
        gone = calibrations.withdraw(session, SPEC, first.id, "ann")
    assert (gone.withdrawn_by, in_force(database)) == ("ann", None)
    assert state(database) == (SPEC.digest, None)


def test_another_spaces_calibration_never_counts(database: Database) -> None:
    other = add(database, 0.4, None, OTHER)
    assert in_force(database) is None
    assert state(database) == (SPEC.digest, None)
    assert in_force(database, OTHER) == 0.4
    with database.write() as session, pytest.raises(NotFound):
        calibrations.withdraw(session, SPEC, other.id, "ann")
    # After a switch, the other's.
    with database.write() as session:
        gallery.record(session, Chosen("net", "", OTHER))
    assert state(database) == (OTHER.digest, other.id)


def test_of_two_who_record_at_once_one_is_told(database: Database) -> None:
    first = add(database, 0.5, None)
    with pytest.raises(ConflictError, match="meanwhile"):
        add(database, 0.3, None)
    assert in_force(database) == 0.5
    add(database, 0.6, first.id)
    with pytest.raises(ConflictError, match="meanwhile"):
        add(database, 0.3, first.id)
    assert in_force(database) == 0.6


def test_threads_that_record_at_once_leave_one(database: Database) -> None:
    start = threading.Barrier(4)

    def record(number: int) -> bool:
        start.wait()
        try:
            add(database, 0.5 + number / 10, None)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(record, range(4))) == [False, False, False, True]
    with database.read() as session:
        assert len(calibrations.page(session, None, 10)) == 1


def test_nothing_is_withdrawn_twice(database: Database) -> None:
    only = add(database, 0.5, None)
    with database.write() as session:
        calibrations.withdraw(session, SPEC, only.id, "ann")
    with pytest.raises(ConflictError), database.write() as session:
        calibrations.withdraw(session, SPEC, only.id, "bob")
    with database.read() as session:
        ((kept, space),) = calibrations.page(session, None, 10)
        assert (kept.withdrawn_by, space.digest) == ("ann", SPEC.digest)
        assert calibrations.page(session, kept.id, 10) == []
    with pytest.raises(NotFound), database.write() as session:
        calibrations.withdraw(session, SPEC, only.id + 1, "bob")
