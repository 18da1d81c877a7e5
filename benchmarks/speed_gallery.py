"""A gallery of many people with random faces, in a database of its own, and its services."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import insert, update

from benchmarks.speed_networks import Networks
from core.settings import Auth, Settings
from core.types import EmbeddingSpec, Matrix, Similarity
from core.vectors import to_bytes
from db import migrate
from db.gallery import last_seq, spec_id
from db.models import FaceRow, Gallery, User
from db.session import Database
from pipeline.analyzer import BuildAnalyzer, build_analyzer
from pipeline.services import Services
from pipeline.setup import prepare_embedder

PEOPLE = 1000
Tell = Callable[[str], None]
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a part of the benchmark works: its networks, a folder of its own, how it tells."""

    networks: Networks
    folder: Path
    tell: Tell

    def settings(self, embedder: str, name: str) -> Settings:
        """Settings of a service whose data lies in the folder `name`."""
        return settings_in(self.folder / name, self.networks.models, embedder)


def settings_in(folder: Path, models: Path, embedder: str) -> Settings:
    """Settings of a service whose data lies in `folder`, its database too; else the environment's.

    Never the database that the environment names: strangers are enrolled here.
    """
    return Settings(
        host="127.0.0.1",
        auth=Auth.OFF,
        database_url="",
        data_dir=folder / "var",
        photo_dir=folder / "photo_storage",
        model_dir=models,
        embedder=embedder,
    )


def services_with(
    settings: Settings, people: int = PEOPLE, build: BuildAnalyzer = build_analyzer
) -> Services:
    """Services of a fresh database with so many people, not started; the caller closes them."""
    services = Services.build(settings, build)
    migrate.upgrade(services.database)
    chosen = prepare_embedder(services.database, settings, lambda _: None, build)
    enroll_strangers(services.database, chosen.spec, people)
    return services


def enroll_strangers(database: Database, spec: EmbeddingSpec, people: int) -> None:
    """So many people with one face each: random directions, as long as the network's own."""
    random = np.random.default_rng(2)
    for start in range(0, people, _AT_ONCE):
        count = min(_AT_ONCE, people - start)
        _insert(database, spec, _directions(random, count, spec), start)


def _directions(random: np.random.Generator, count: int, spec: EmbeddingSpec) -> Matrix:
    rows = random.standard_normal((count, spec.dimensions), dtype=np.float32)
    # dlib's are about 1.5 long: shorter ones would all look alike to it.
    length = 1.0 if spec.similarity is Similarity.COSINE else 1.5
    directions: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.float32(length)
    return directions


def _insert(database: Database, spec: EmbeddingSpec, rows: Matrix, start: int) -> None:
    """What db.users and db.faces would write, in one statement a table."""
    now = datetime.now(UTC)
    names = [f"stranger{start + number}" for number in range(len(rows))]
    with database.write() as session:
        seq, space = last_seq(session), spec_id(session, spec)
        people = [{"user_id": name, "folded_user_id": name, "attributes": {}} for name in names]
        stamped = [{**person, "created_at": now, "updated_at": now} for person in people]
        by_name = insert(User).returning(User.id, sort_by_parameter_order=True)
        ids = session.scalars(by_name, stamped).all()
        faces = [
            {"person_id": ids[i], "spec_id": space, "embedding": to_bytes(row), "quality": {}}
            for i, row in enumerate(rows)
        ]
        numbered = [{**face, "seq": seq + i + 1, "created_at": now} for i, face in enumerate(faces)]
        session.execute(insert(FaceRow), numbered)
        session.execute(update(Gallery).values(seq=seq + len(rows)))
