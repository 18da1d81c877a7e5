"""A further space from real photos with real networks: what a door gets recognizes the same people.

The gallery's own network is dlib, the door's MobileFaceNet; the photos are those that were
enrolled, and those that a door would see are others.
"""

import base64
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from api import create_app
from core.settings import Settings
from core.types import Matrix, Vector
from db import migrate
from pipeline.analyzer import Analyzer, build_analyzer, exactly_one
from pipeline.images.decode import decode
from pipeline.models.registry import DLIB, MOBILEFACENET
from pipeline.services import Services
from pipeline.setup import prepare_embedder
from pipeline.spaces.keeper import keeping
from tests.api.kit import Json, body
from tests.integration.test_gallery import EXPECTED
from tests.unit.test_space_keeper import eventually

THRESHOLD = MOBILEFACENET.default_threshold
SEEN = {name: person for name, person in EXPECTED.items() if "partial" not in name}


@pytest.fixture(scope="module")
def services(
    shared_dir: Path, model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    """Everybody of the shared gallery's training photos, enrolled with dlib."""
    folder = tmp_path_factory.mktemp("spaces")
    settings = Settings(
        data_dir=folder / "var",
        photo_dir=folder / "photo_storage",
        model_dir=model_dir,
        embedder=DLIB.id,
        device_networks=MOBILEFACENET.id,
    )
    services = Services.build(settings)
    migrate.upgrade(services.database)
    prepare_embedder(services.database, settings, lambda _: None)
    engine = services.start()
    for photo in sorted((shared_dir / "faces" / "gallery" / "train").rglob("*.*")):
        place = settings.photo_dir / photo.parent.name / photo.name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(photo.read_bytes())
        engine.converter.convert(PurePosixPath(photo.parent.name, photo.name))
    yield services
    services.close()


@pytest.fixture(scope="module")
def page(services: Services) -> Json:
    """What a door is given once the watcher's thread has filled the space."""
    client = create_app(services=services).test_client()
    client.post("/devices", json={"device_id": "door-1", "name": "Door", "holds_gallery": True})
    sha256 = MOBILEFACENET.files[0].sha256
    url = f"/devices/door-1/gallery?network={sha256}"
    assert body(client.get(url))["pending"] > 0
    with keeping(services, services.engine()):
        eventually(lambda: body(client.get(url))["pending"] == 0)
    return body(client.get(url))


@pytest.fixture(scope="module")
def direct(services: Services) -> Analyzer:
    """MobileFaceNet, asked as enrollment would ask it."""
    return build_analyzer(MOBILEFACENET.id, services.settings)


def embedded(analyzer: Analyzer, photo: Path) -> Vector:
    decoded = decode(photo.read_bytes(), 64_000_000)
    face = exactly_one(analyzer.detect(decoded), None)
    vector: Vector = analyzer.embed(decoded, [face])[0]
    return vector


def held(page: Json) -> tuple[list[str], Matrix]:
    faces = page["faces"]
    people = [face["user_id"] for face in faces]
    rows = [np.frombuffer(base64.b64decode(face["embedding"]), "<f4") for face in faces]
    return people, np.stack(rows)


def test_everybody_is_in_the_doors_space(services: Services, page: Json) -> None:
    assert page["network"] == {
        "name": "mobilefacenet",
        "sha256": MOBILEFACENET.files[0].sha256,
        "dimensions": 128,
        "threshold": THRESHOLD,
    }
    people, rows = held(page)
    assert len(people) == services.engine().gallery.count >= 5
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_the_vectors_are_those_of_the_photos_themselves(
    services: Services, page: Json, direct: Analyzer
) -> None:
    people, rows = held(page)
    photos = sorted(services.settings.photo_dir.glob("*/*.*"))
    own = {person: np.stack([embedded(direct, p) for p in photos if p.parent.name == person])
           for person in set(people)}  # fmt: skip
    for person, row in zip(people, rows, strict=True):
        assert float((own[person] @ row).max()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_door_knows_the_same_people(
    shared_dir: Path, page: Json, direct: Analyzer, name: str
) -> None:
    people, rows = held(page)
    scores = rows @ embedded(direct, shared_dir / "faces" / "gallery" / name)
    best = int(np.argmax(scores))
    assert people[best] == SEEN[name]
    assert scores[best] >= THRESHOLD
    others = [score for person, score in zip(people, scores, strict=True) if person != SEEN[name]]
    assert max(others) < THRESHOLD
