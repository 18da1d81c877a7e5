"""A door's copy against the database: any order of changes, cut into any pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pytest

from api.device_gallery import shown
from db import eras, faces, migrate, spaces, users
from db.access_models import Device
from db.gallery import Chosen, record
from db.session import Database, Session
from pipeline.spaces.device_gallery import DeviceGallery
from pipeline.spaces.networks import ServedNetworks
from tests.fakes import EMBEDDER, spec
from tests.spaces_kit import FURTHER, FURTHER_SPEC, Door, Json, TwoNetworks, truth, two_spaces

STEPS = 60
PEOPLE = [f"p{number}" for number in range(4)]


@dataclass
class World:
    """A database that changes by chance, and two doors that look now and then."""

    database: Database
    gallery: DeviceGallery
    random: Random
    doors: dict[str, Door] = field(default_factory=dict)

    def ask(self, network: str) -> Callable[[str | None], Json]:
        device = Device(device_id="door-1", name="Door", active=True, holds_gallery=True)
        return lambda after: shown(
            self.gallery.page(device, network, after, self.random.randint(1, 3))
        )

    def step(self) -> None:
        often = [self.enroll, self.enroll, self.enroll, self.rename, self.rename, self.fill]
        doors = [self.look, self.look, self.look, self.fill]
        self.random.choice([*often, *doors, self.replace, self.remove, self.delete, self.restart])()

    def enroll(self) -> None:
        with self.database.write() as session:
            person = users.find_or_create(session, self.random.choice(PEOPLE))
            faces.add(session, person, spec(), self.vector(64), {})

    def replace(self) -> None:
        """As a better photo does: the new face and the end of the old one in one transaction."""
        face_id = self.any_face()
        if face_id is None:
            return
        with self.database.write() as session:
            person = users.owner_of_face(session, face_id)
            assert person is not None
            faces.add(session, person, spec(), self.vector(64), {})
            faces.remove(session, face_id)

    def remove(self) -> None:
        face_id = self.any_face()
        if face_id is not None:
            with self.database.write() as session:
                faces.remove(session, face_id)

    def rename(self) -> None:
        with self.database.write() as session:
            person = users.find(session, self.random.choice(PEOPLE))
            if person is not None:
                name = self.random.choice(["Ann", "Ben", None])
                users.set_profile(person, {"name": name})

    def delete(self) -> None:
        with self.database.write() as session:
            person = users.find(session, self.random.choice(PEOPLE))
            if person is not None:
                users.delete(session, person)

    def fill(self) -> None:
        """Some of the missing faces; now and then one without, which may get one later."""
        with self.database.write() as session:
            for source in spaces.missing(session, spec(), FURTHER_SPEC, 0, 3):
                fails = self.random.random() < 0.3
                self.put(session, source.face_id, fails)
            face_id = self.any_face()
            if face_id is not None:
                self.put(session, face_id, fails=False)

    def put(self, session: Session, face_id: int, fails: bool) -> None:
        found = None if fails else self.vector(16)
        spaces.put(session, FURTHER_SPEC, face_id, found, "no_face" if fails else None)

    def look(self) -> None:
        self.random.choice(list(self.doors.values())).page()

    def restart(self) -> None:
        with self.database.write() as session:
            eras.begin(session)

    def any_face(self) -> int | None:
        living = sorted(truth(self.database, further=False))
        return self.random.choice(living) if living else None

    def vector(self, dimensions: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.array([self.random.uniform(0.1, 1) for _ in range(dimensions)], np.float32)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/kenal.sqlite3")
    migrate.upgrade(database)
    with database.write() as session:
        record(session, Chosen(EMBEDDER, "a test", spec()))
    yield database
    database.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_copy_ends_equal_to_the_database(database: Database, tmp_path: Path, seed: int) -> None:
    networks = ServedNetworks(two_spaces(tmp_path), TwoNetworks())
    world = World(database, DeviceGallery(database, networks), Random(seed))
    world.doors = {name: Door(world.ask(name)) for name in (EMBEDDER, FURTHER)}
    for _ in range(STEPS):
        world.step()
    for name, door in world.doors.items():
        door.sync()
        assert door.faces == truth(database, further=name == FURTHER)
        assert door.resets == 0
        assert door.page(), "nothing is left"
