"""Every pair of people who look the same is found, whatever the steps are."""

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.types import EmbeddingSpec, Matrix, Similarity
from core.vectors import similarity_of
from db import faces, migrate, users
from db.models import FaceRow
from db.session import Database
from pipeline import duplicates
from pipeline.duplicates import Duplicates, Pair, Place, best_of_people

SPACES = [EmbeddingSpec("a", "0" * 64, "m", "x", "n", 16, similarity) for similarity in Similarity]
PEOPLE = 60


@pytest.fixture(params=SPACES, ids=lambda spec: str(spec.similarity))
def spec(request: pytest.FixtureRequest) -> EmbeddingSpec:
    space = request.param
    assert isinstance(space, EmbeddingSpec)
    return space


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    yield database
    database.close()


def vectors() -> Matrix:
    """A few directions, each with several people about it; two faces a person."""
    numbers = np.random.default_rng(7)
    centers = numbers.standard_normal((8, 16))
    rows = centers[numbers.integers(0, 8, 2 * PEOPLE)]
    rows += 0.35 * numbers.standard_normal(rows.shape)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def fill(database: Database, spec: EmbeddingSpec) -> list[tuple[str, Matrix]]:
    rows = vectors()
    names = [f"p{number % PEOPLE}" for number in range(len(rows))]
    with database.write() as session:
        for name, row in zip(names, rows, strict=True):
            faces.add(session, users.find_or_create(session, name), spec, row, {})
    return list(zip(names, rows, strict=True))


def expected(
    stored: Sequence[tuple[str, Matrix]], spec: EmbeddingSpec, threshold: float
) -> dict[tuple[str, ...], float]:
    """The best similarity of every two people, one pair after another."""
    best: dict[tuple[str, ...], float] = {}
    for (one, first), (other, second) in itertools.combinations(stored, 2):
        score = similarity_of(first, second, spec.similarity)
        if one != other and score >= threshold:
            people = tuple(sorted([one, other]))
            best[people] = max(score, best.get(people, -1))
    return best


def shown(pairs: Sequence[Pair]) -> dict[tuple[str, ...], float]:
    return {pair.people: pair.similarity for pair in pairs}


@pytest.mark.parametrize(
    ("rows", "columns", "products"), [(7, 5, 1), (7, 5, 4000), (500, 9, 10**9)]
)
def test_every_pair_whatever_the_steps(
    database: Database,
    spec: EmbeddingSpec,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    columns: int,
    products: int,
) -> None:
    monkeypatch.setattr(duplicates, "ROWS", rows)
    monkeypatch.setattr(duplicates, "COLUMNS", columns)
    monkeypatch.setattr(duplicates, "STEP_PRODUCTS", products)
    wanted = expected(fill(database, spec), spec, 0.8)
    assert 50 < len(wanted) < 1000
    steps = list(Duplicates(database, spec, 0.8).steps())
    found = best_of_people(pair for step in steps for pair in step.pairs)
    assert shown(found) == pytest.approx(wanted)
    assert sum(step.omitted for step in steps) == 0
    scores = [pair.similarity for pair in found]
    assert scores == sorted(scores, reverse=True)
    scanned = [step.scanned for step in steps]
    assert scanned == sorted(scanned)
    assert (scanned[-1], steps[-1].total) == (2 * PEOPLE, 2 * PEOPLE)


def test_an_empty_roster(database: Database, spec: EmbeddingSpec) -> None:
    [step] = Duplicates(database, spec, 0.8).steps()
    assert (step.pairs, step.scanned, step.total) == ([], 0, 0)


def test_too_many_pairs_are_counted(
    database: Database, spec: EmbeddingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 10)
    stored = fill(database, spec)
    of_faces = sum(one != other for (one, _), (other, _) in itertools.combinations(stored, 2))
    step = Duplicates(database, spec, -1.0).step(Place())
    best = max(expected(stored, spec, -1.0).values())
    assert step.pairs[0].similarity == pytest.approx(best)
    assert step.omitted == of_faces - 10


def test_a_threshold_that_all_pairs_reach_takes_no_more_memory(
    database: Database, spec: EmbeddingSpec
) -> None:
    with database.write() as session:
        people = [users.create(session, name) for name in ("anna", "bert")]
        first = faces.add(session, people[0], spec, vectors()[0], {})
        told = {"spec_id": first.spec_id, "embedding": first.embedding, "quality": {}}
        at = first.created_at
        more = [
            FaceRow(person_id=people[seq % 2].id, seq=seq, created_at=at, **told)
            for seq in range(2, 2001)
        ]
        session.add_all(more)
    report = Duplicates(database, spec, -1.0)
    tracemalloc.start()
    try:
        step = report.step(Place())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert step.omitted > 900_000
    assert most < 64 * 2**20


def test_a_step_of_few_rows_reads_no_whole_gallery(
    database: Database, spec: EmbeddingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "COLUMNS", 2)
    fill(database, spec)
    step = Duplicates(database, spec, 0.8).step(Place(0, 1, 0))
    assert step.following == Place(0, 1, 2 * duplicates.STEP_BLOCKS)


def test_people_removed_between_steps_hide_nobody(
    database: Database, spec: EmbeddingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "ROWS", 6)
    monkeypatch.setattr(duplicates, "COLUMNS", 10)
    monkeypatch.setattr(duplicates, "STEP_PRODUCTS", 1)
    stored = fill(database, spec)
    gone = {f"p{number}" for number in (*range(0, 8), 20, 33)}
    steps = Duplicates(database, spec, 0.8).steps()
    pairs = [pair for step in itertools.islice(steps, 2) for pair in step.pairs]
    with database.write() as session:
        for name in gone:
            users.delete(session, users.get(session, name))
    pairs += [pair for step in steps for pair in step.pairs]
    wanted = expected([one for one in stored if one[0] not in gone], spec, 0.8)
    found = shown([pair for pair in best_of_people(pairs) if not gone & set(pair.people)])
    assert found == pytest.approx(wanted)


def test_a_damaged_embedding_hides_nobody(database: Database, spec: EmbeddingSpec) -> None:
    stored = fill(database, spec)
    with database.write() as session:
        for face_id, damage in ((1, b"short"), (5, b"\xff" * 64), (9, bytes(64))):
            session.get_one(FaceRow, face_id).embedding = damage
    left = [one for number, one in enumerate(stored, 1) if number not in (1, 5, 9)]
    [step] = Duplicates(database, spec, 0.8).steps()
    assert shown(step.pairs) == pytest.approx(expected(left, spec, 0.8))
    assert step.scanned == step.total
