"""GET /devices/{device_id}/gallery: who is given it, what is in it, and what is told of it."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from api import create_app
from core.access import LOCAL, Scope
from core.settings import Auth
from db import audit, migrate
from db.session import Database
from pipeline.deletion import delete_user
from pipeline.keys import NewKey, create
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, refused
from tests.fakes import EMBEDDER, THRESHOLD, make_services, portrait, spec
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import (
    FURTHER,
    FURTHER_SPEC,
    Door,
    Json,
    TwoNetworks,
    filler,
    truth,
    two_spaces,
    vector,
)

URL = "/devices/door-1/gallery"


class Site:
    """A service with keys, a gallery of three people, and a door that may hold it."""

    def __init__(self, folder: Path) -> None:
        settings = two_spaces(folder).model_copy(update={"auth": Auth.REQUIRED})
        self.services = make_services(settings, TwoNetworks())
        self.kit = GalleryKit(self.services, self.services.start())
        app = create_app(services=self.services)
        self.contract = Contract(app)
        self.client = app.test_client()
        with self.database.write() as session:
            issued = create(session, NewKey("admin", frozenset([Scope.ADMIN])), LOCAL.name)
        self.admin = {"X-API-Key": issued.text}
        self.key = self.device("door-1", holds_gallery=True)
        for person, name in enumerate(("anna", "bert", "carl"), start=1):
            self.kit.enroll(f"{name}.png", person)

    @property
    def database(self) -> Database:
        return self.services.database

    def device(self, device_id: str, **said: object) -> dict[str, str]:
        given = {"device_id": device_id, "name": "Door", **said}
        made = self.client.post("/devices", json=given, headers=self.admin)
        return {"X-API-Key": body(made)["key"]}

    def change(self, **said: object) -> None:
        answer = self.client.patch("/devices/door-1", json=said, headers=self.admin)
        assert answer.status_code == 200

    def ask(self, network: str, limit: int | None = None) -> Callable[[str | None], Json]:
        def asked(after: str | None) -> Json:
            query = {"network": network, "after": after, "limit": limit}
            given = {name: value for name, value in query.items() if value is not None}
            answer = self.client.get(URL, query_string=given, headers=self.key)
            assert answer.status_code == 200, answer.text
            return body(answer)

        return asked

    def refusal(
        self, key: dict[str, str], status: int, code: str, query: str = ""
    ) -> Mapping[str, object]:
        answer = self.client.get(f"{URL}?{query or 'network=' + EMBEDDER}", headers=key)
        return refused(answer, status, code)

    def acts(self) -> list[tuple[str, str | None, object]]:
        with self.database.read() as session:
            rows = audit.page(session, None, 100)
            return [(r.action, r.target, r.details) for r in rows if r.action == "device.gallery"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.services.close()
    site.contract.check()


@pytest.mark.parametrize("asked", [EMBEDDER, spec().weights_sha256])
def test_the_gallerys_own_network_is_given_from_its_faces(site: Site, asked: str) -> None:
    page = site.ask(asked)(None)
    sha256 = spec().weights_sha256
    network = {"name": EMBEDDER, "sha256": sha256, "dimensions": 64, "threshold": THRESHOLD}
    assert page["network"] == network
    assert (page["complete"], page["reset"], page["pending"]) == (True, False, 0)
    door = Door(site.ask(asked))
    door.sync()
    assert door.faces == truth(site.database, further=False)
    assert [user_id for user_id, _, _ in door.faces.values()] == ["anna", "bert", "carl"]


@pytest.mark.parametrize("asked", [FURTHER, "1" * 64])
def test_a_further_network_is_given_what_is_embedded_so_far(site: Site, asked: str) -> None:
    page = site.ask(asked)(None)
    assert (page["faces"], page["pending"], page["complete"]) == ([], 3, True)
    assert page["network"]["dimensions"] == FURTHER_SPEC.dimensions  # type: ignore[index]
    filler(site.kit).fill()
    door = Door(site.ask(asked, limit=1), after=str(page["next_after"]))
    door.sync()
    assert door.faces == truth(site.database, further=True)
    assert len(door.faces) == 3
    assert site.ask(asked)(None)["pending"] == 0


def test_changes_come_one_by_one_until_nothing_is_left(site: Site) -> None:
    door = Door(site.ask(EMBEDDER, limit=2))
    assert [door.page(), door.page()] == [False, True]
    told = site.ask(EMBEDDER)(door.after)
    assert (told["faces"], told["deleted"], told["complete"]) == ([], [], True)
    assert told["next_after"] == door.after


def test_a_new_name_reaches_the_door(site: Site) -> None:
    filler(site.kit).fill()
    doors = [Door(site.ask(EMBEDDER)), Door(site.ask(FURTHER))]
    for door in doors:
        door.sync()
    named = {"name": "Berta"}
    answer = site.client.patch("/users/bert", json=named, headers=site.admin)
    assert answer.status_code == 200
    site.kit.put("carl.json", b'{"name": "Carla"}')
    site.kit.put("carl.png", portrait(3, 6))
    site.kit.convert("carl.png")
    filler(site.kit).fill()
    for door in doors:
        door.sync()
        names = {user_id: name for user_id, name, _ in door.faces.values()}
        assert names == {"anna": None, "bert": "Berta", "carl": "Carla"}
    email = {"email": "b@example.org"}
    site.client.patch("/users/bert", json=email, headers=site.admin)
    site.client.patch("/users/bert", json=named, headers=site.admin)
    assert site.ask(EMBEDDER)(doors[0].after)["faces"] == []


def test_whoever_is_removed_is_forgotten(site: Site) -> None:
    filler(site.kit).fill()
    doors = [Door(site.ask(EMBEDDER, limit=1)), Door(site.ask(FURTHER, limit=1))]
    for door in doors:
        door.page()
    delete_user(site.database, site.kit.drop, "anna")
    delete_user(site.database, site.kit.drop, "carl")
    for door in doors:
        door.sync()
        assert [user_id for user_id, _, _ in door.faces.values()] == ["bert"]
        assert door.resets == 0
    fresh = site.ask(EMBEDDER)(None)
    assert fresh["deleted"] == [], "who begins now has never seen them"


def test_a_damaged_embedding_is_none(site: Site) -> None:
    with site.database.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE faces SET embedding = zeroblob(256) WHERE id = 1")
    faces = site.ask(EMBEDDER)(None)["faces"]
    assert [face["embedding"] is None for face in faces] == [  # type: ignore[attr-defined]
        True,
        False,
        False,
    ]


def test_a_place_in_another_space_begins_again(site: Site) -> None:
    filler(site.kit).fill()
    own = Door(site.ask(EMBEDDER))
    own.sync()
    other = Door(site.ask(FURTHER), after=own.after, faces=own.faces)
    other.sync()
    assert (other.resets, other.faces) == (1, truth(site.database, further=True))


def test_a_restored_backup_begins_again_where_its_history_parts(tmp_path: Path) -> None:
    """Though the same numbers have been given out again, for others."""
    site, backup = Site(tmp_path / "site"), tmp_path / "backup.sqlite3"
    place = tmp_path / "site" / "var" / "kenal.sqlite3"
    before = Door(site.ask(EMBEDDER))
    before.sync()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("VACUUM INTO ?", [str(backup)])
    site.kit.enroll("dora.png", 4)
    after = Door(site.ask(EMBEDDER))
    after.sync()
    assert len(after.faces) == 4
    site.services.close()
    for old in place.parent.glob("kenal.sqlite3*"):
        old.unlink()
    shutil.copy(backup, place)
    site.services = make_services(site.services.settings, TwoNetworks())
    site.kit = GalleryKit(site.services, site.services.start())
    app = create_app(services=site.services)
    site.client = app.test_client()
    site.kit.enroll("emil.png", 5)
    assert before.page()
    after.sync()
    assert (before.resets, after.resets) == (0, 1)
    assert before.faces == after.faces == truth(site.database, further=False)
    assert {user_id for user_id, _, _ in after.faces.values()} == {"anna", "bert", "carl", "emil"}
    site.services.close()


def test_only_a_device_that_may_hold_it_is_given_it(site: Site) -> None:
    def reason() -> object:
        return site.refusal(site.key, 403, "forbidden")["details"]

    other = site.device("door-2", holds_gallery=True)
    assert "reason" not in site.refusal(other, 403, "forbidden")["details"]  # type: ignore[operator]
    assert "reason" not in site.refusal(site.admin, 403, "forbidden")["details"]  # type: ignore[operator]
    site.change(holds_gallery=False)
    assert reason() == {"reason": "gallery_not_allowed"}
    site.change(active=False, holds_gallery=True)
    assert reason() == {"reason": "inactive"}
    site.client.delete("/devices/door-1", headers=site.admin)
    site.refusal(site.key, 401, "unauthorized")
    plain = body(site.client.get("/devices/door-2", headers=site.admin))
    assert plain["holds_gallery"] is True
    assert site.acts() == []


def test_a_device_holds_nothing_unless_it_is_allowed(site: Site) -> None:
    site.device("door-3")
    shown = body(site.client.get("/devices/door-3", headers=site.admin))
    assert shown["holds_gallery"] is False
    for wrong in (None, "yes", 1):
        said = {"holds_gallery": wrong}
        answer = site.client.patch("/devices/door-3", json=said, headers=site.admin)
        refused(answer, 400, "invalid_parameter")


def test_a_network_that_nobody_embeds_with_is_not_served(site: Site) -> None:
    for asked in ("mobilefacenet", "2" * 64):
        error = site.refusal(site.key, 409, "network_not_served", f"network={asked}")
        assert error["details"] == {"networks": [EMBEDDER, FURTHER]}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=5", "network"),
        ("network=", "network"),
        (f"network={EMBEDDER}&after=x", "after"),
        (f"network={EMBEDDER}&after=", "after"),
        (f"network={EMBEDDER}&after=ZzE6", "after"),
        (f"network={EMBEDDER}&limit=0", "limit"),
        (f"network={EMBEDDER}&limit=2001", "limit"),
    ],
)
def test_what_cannot_be_asked(site: Site, query: str, parameter: str) -> None:
    error = site.refusal(site.key, 400, "invalid_parameter", query)
    assert error["details"] == {"parameter": parameter}


def test_every_beginning_is_in_the_audit_and_nothing_else(site: Site) -> None:
    door = Door(site.ask(EMBEDDER, limit=2))
    door.sync()
    door.sync()
    assert site.acts() == [("device.gallery", "door-1", {"network": EMBEDDER})]
    site.ask(EMBEDDER)(None)
    assert len(site.acts()) == 2


def test_no_embedding_is_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        page = site.ask(EMBEDDER)(None)
    faces = page["faces"]
    assert isinstance(faces, list)
    for face in faces:
        assert face["embedding"] not in caplog.text
    assert np.linalg.norm(vector(truth(site.database, further=False)[1][2])) == pytest.approx(1)


def test_without_keys_this_machine_acts_for_its_devices(tmp_path: Path) -> None:
    services = make_services(two_spaces(tmp_path), TwoNetworks())
    client = create_app(services=services).test_client()
    refused(client.get(f"{URL}?network={EMBEDDER}"), 404, "not_found")
    client.post("/devices", json={"device_id": "door-1", "name": "Door"})
    refused(client.get(f"{URL}?network={EMBEDDER}"), 403, "forbidden")
    client.patch("/devices/door-1", json={"holds_gallery": True})
    page = body(client.get(f"{URL}?network={EMBEDDER}"))
    assert (page["faces"], page["complete"]) == ([], True)
    services.close()


def test_an_empty_gallery_needs_no_loaded_network(tmp_path: Path) -> None:
    """Doors are told who is gone while the networks are still being loaded."""
    services = Services.build(two_spaces(tmp_path), TwoNetworks())
    migrate.upgrade(services.database)
    client = create_app(services=services).test_client()
    client.post("/devices", json={"device_id": "door-1", "name": "Door", "holds_gallery": True})
    refused(client.get(f"{URL}?network={EMBEDDER}"), 503, "not_ready")
    services.close()
