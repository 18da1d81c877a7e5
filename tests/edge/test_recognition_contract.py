"""The device's gallery against the server's own pages: any order of changes, any pages."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest

from db.session import Database
from edge.recognition.gallery import Gallery
from edge.recognition.network import Network
from edge.recognition.sync import Sync
from edge.verdict import Reply
from pipeline.spaces.device_gallery import DeviceGallery
from pipeline.spaces.networks import ServedNetworks
from tests.property.test_device_copies import STEPS, World, database
from tests.spaces_kit import FURTHER_SPEC, Door, Json, TwoNetworks, truth, two_spaces, vector

__all__ = ["database"]  # a fixture
NETWORK = Network("hues", FURTHER_SPEC.weights_sha256, "1", FURTHER_SPEC.dimensions, 0.4)
Rows = dict[tuple[str, str | None], list[list[float]]]


@dataclass
class Pages:
    """The server's pages, through JSON; now and then none comes."""

    ask: Callable[[str | None], Json]
    random: Random
    fails: float = 0.2

    def page(self, network_sha256: str, after: str | None, request_id: str) -> Reply | str:
        assert network_sha256 == FURTHER_SPEC.weights_sha256
        if self.random.random() < self.fails:
            return "the server cannot be reached"
        body = {"request_id": request_id, **self.ask(after)}
        return Reply.of(200, {}, json.dumps(body).encode())


class DoorOfOurs(Door):
    """Looks with the device's own sync."""

    def __init__(self, own: Sync) -> None:
        self.own = own

    def page(self) -> bool:
        self.own.step()
        return self.own.status.problem is None


def rows(pairs: list[tuple[tuple[str, str | None], list[float]]]) -> Rows:
    found: Rows = {}
    for who, row in pairs:
        found.setdefault(who, []).append([round(number, 4) for number in row])
    return {who: sorted(each) for who, each in found.items()}


def held(gallery: Gallery) -> Rows:
    roster = gallery.roster(NETWORK)
    ends = [*roster.starts[1:], len(roster.matrix)]
    return rows(
        [
            ((person.user_id, person.name), row.tolist())
            for person, start, end in zip(roster.people, roster.starts, ends, strict=True)
            for row in roster.matrix[start:end]
        ]
    )


def wanted(database: Database) -> Rows:
    faces = [one for one in truth(database, further=True).values() if one[2] is not None]
    units = [
        (who, name, vector(stored) / np.linalg.norm(vector(stored))) for who, name, stored in faces
    ]
    return rows([((who, name), unit.tolist()) for who, name, unit in units])


@pytest.mark.parametrize("seed", range(6))
def test_the_gallery_ends_equal_to_the_database(
    database: Database, tmp_path: Path, seed: int
) -> None:
    networks = ServedNetworks(two_spaces(tmp_path), TwoNetworks())
    world = World(database, DeviceGallery(database, networks), Random(seed))
    pages = Pages(world.ask(FURTHER_SPEC.weights_sha256), Random(seed))
    with closing(Gallery(tmp_path / "edge")) as gallery:
        own = Sync(gallery, pages, NETWORK, lambda: None, seconds=60)
        world.doors = {"ours": DoorOfOurs(own)}
        for _ in range(STEPS):
            world.step()
        for _ in range(3):  # so that somebody is there, whatever chance did
            world.enroll()
            world.fill()
        pages.fails = 0.0
        own.step()
        assert (own.status.problem, own.status.damaged) == (None, 0)
        assert held(gallery) == wanted(database) != {}
        assert own.age(clock_is_right=False) != float("inf")
