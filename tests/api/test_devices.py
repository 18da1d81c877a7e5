"""/devices: registered with a key, heard of by heartbeats, gone with their keys."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from core.access import LOCAL, Scope
from core.settings import Auth
from db import audit, devices
from pipeline.keys import NewKey, create
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.keys_kit import eventually
from tests.api.kit import body, refused
from tests.fakes import fake_settings, make_services

DOOR = {"device_id": "door-1", "name": "Front door", "place": "Lobby", "direction": "in"}


def now(ahead_seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=ahead_seconds)).isoformat()


BEAT_REFUSED = ("POST /devices/<device_id>/heartbeat", "forbidden")


def beat(client: FlaskClient, device_id: str = "door-1", clock: object = None) -> object:
    said = {"clock": clock or now(), "version": "1.2", "queue_length": 3}
    return client.post(f"/devices/{device_id}/heartbeat", json=said)


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    app = create_app(services=services)
    contract = Contract(app)
    yield app.test_client()
    contract.check()


class Keyed:
    """The app with keys required."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.client = create_app(services=services).test_client()
        self.admin = self.key(Scope.ADMIN)
        self.reader = self.key(Scope.READ)

    def key(self, scope: Scope) -> dict[str, str]:
        with self.services.database.write() as session:
            issued = create(session, NewKey(scope.value, frozenset([scope])), LOCAL.name)
        return {"X-API-Key": issued.text}

    def device(self, device_id: str) -> dict[str, str]:
        said = {"device_id": device_id, "name": device_id}
        made = self.client.post("/devices", json=said, headers=self.admin)
        return {"X-API-Key": body(made)["key"]}


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Keyed]:
    settings = fake_settings(tmp_path).model_copy(update={"auth": Auth.REQUIRED})
    services = make_services(settings)
    services.start()
    yield Keyed(services)
    services.close()


def test_a_device_is_made_shown_changed_and_removed(client: FlaskClient) -> None:
    response = client.post("/devices", json=DOOR)
    made = body(response)
    assert (response.status_code, response.headers["Location"]) == (201, "/devices/door-1")
    assert {name: made[name] for name in DOOR} == DOOR
    assert (made["active"], made["status"], made["last_seen_at"]) == (True, "never", None)
    assert made["key"].startswith(f"knl_{made['key_id']}_")
    changed = client.patch("/devices/door-1", json={"active": False, "place": None, "name": "Back"})
    shown = body(changed)
    assert (shown["name"], shown["place"], shown["active"]) == ("Back", None, False)
    assert shown["direction"] == "in"
    again = body(client.get("/devices/door-1"))
    assert {**again, "request_id": ""} == {**shown, "request_id": ""}
    listed = body(client.get("/devices"))
    assert [item["device_id"] for item in listed["devices"]] == ["door-1"]
    assert "key" not in listed["devices"][0]
    assert client.delete("/devices/door-1").status_code == 204
    refused(client.get("/devices/door-1"), 404, "not_found")
    refused(client.delete("/devices/door-1"), 404, "not_found")


def test_ids_are_chosen_or_made_and_taken_once(client: FlaskClient) -> None:
    assert client.post("/devices", json=DOOR).status_code == 201
    refused(client.post("/devices", json=DOOR), 409, "conflict")
    made = body(client.post("/devices", json={"name": "Unnamed"}))
    assert made["device_id"].startswith("device-")


@pytest.mark.parametrize(
    ("said", "parameter"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "d", "device_id": ".hidden"}, "device_id"),
        ({"name": "d", "device_id": "a/b"}, "device_id"),
        ({"name": "d", "device_id": "a\n"}, "device_id"),
        ({"name": "d", "device_id": "x" * 65}, "device_id"),
        ({"name": "d", "device_id": "ünder"}, "device_id"),
        ({"name": "d", "direction": "up"}, "direction"),
        ({"name": "d", "active": "yes"}, "active"),
        ({"name": "d", "active": 1}, "active"),
    ],
)
def test_what_a_device_cannot_be(
    client: FlaskClient, said: dict[str, object], parameter: str
) -> None:
    error = refused(client.post("/devices", json=said), 400, "invalid_parameter")
    assert error["details"] == {"parameter": parameter}


def test_unknown_fields_are_refused_and_not_repeated(client: FlaskClient) -> None:
    error = refused(client.post("/devices", json={**DOOR, "<b>": 1}), 400, "invalid_parameter")
    assert "<b>" not in str(error)


@pytest.mark.parametrize("said", [{"name": None}, {"active": None}, {"device_id": "x"}])
def test_what_a_change_cannot_say(client: FlaskClient, said: dict[str, object]) -> None:
    client.post("/devices", json=DOOR)
    refused(client.patch("/devices/door-1", json=said), 400, "invalid_parameter")


def test_a_heartbeat_tells_both_sides(client: FlaskClient) -> None:
    client.post("/devices", json=DOOR)
    told = body(beat(client, clock=now(-3600)))  # type: ignore[arg-type]
    assert -3_600_000 - 60_000 < told["clock_skew_ms"] <= -3_600_000 + 1
    assert (told["active"], told["direction"]) == (True, "in")
    assert (told["fresh_seconds"], told["heartbeat_seconds"]) == (10.0, 30)
    shown = body(client.get("/devices/door-1"))
    assert (shown["status"], shown["version"], shown["queue_length"]) == ("online", "1.2", 3)
    assert shown["clock_skew_ms"] == told["clock_skew_ms"]


def test_a_device_not_heard_of_is_offline(client: FlaskClient, services: Services) -> None:
    client.post("/devices", json=DOOR)
    for seconds, status in ((89, "online"), (91, "offline")):
        with services.database.write() as session:
            seen = datetime.now(UTC) - timedelta(seconds=seconds)
            devices.get(session, "door-1").last_seen_at = seen
        assert body(client.get("/devices/door-1"))["status"] == status


@pytest.mark.parametrize(
    "clock",
    [
        "2026-01-05T08:00:00",
        "2026-01-05",
        "2026-13-05T08:00:00Z",
        "20260105T080000Z",
        "0001-01-01T00:00:00+14:00",
        1_700_000_000,
        "yesterday",
    ],
)
def test_a_clock_is_a_moment_with_a_zone(client: FlaskClient, clock: object) -> None:
    client.post("/devices", json=DOOR)
    error = refused(beat(client, clock=clock), 400, "invalid_parameter")  # type: ignore[arg-type]
    assert error["details"] == {"parameter": "clock"}


def test_a_clock_of_another_age_is_told(client: FlaskClient) -> None:
    client.post("/devices", json=DOOR)
    told = body(beat(client, clock="1970-01-01T00:00:10Z"))  # type: ignore[arg-type]
    assert told["clock_skew_ms"] < -(10**12)


def test_a_devices_key_speaks_for_its_device_only(keyed: Keyed) -> None:
    one, two = keyed.device("door-1"), keyed.device("door-2")
    said = {"clock": now()}
    client = keyed.client
    assert client.post("/devices/door-1/heartbeat", json=said, headers=one).status_code == 200
    refused(client.post("/devices/door-1/heartbeat", json=said, headers=two), 403, "forbidden")
    refused(
        client.post("/devices/door-1/heartbeat", json=said, headers=keyed.admin), 403, "forbidden"
    )
    eventually(lambda: acts(keyed).count(BEAT_REFUSED) == 2)
    refused(client.get("/devices", headers=one), 403, "forbidden")
    assert client.get("/devices", headers=keyed.reader).status_code == 200
    refused(client.delete("/devices/door-1", headers=keyed.reader), 403, "forbidden")


def test_a_key_for_another_device_does_not_wait_for_the_database(
    keyed: Keyed, tmp_path: Path
) -> None:
    """It would hold up the whole service, and be refused as busy or not be in the audit."""
    keyed.device("door-1")
    two = keyed.device("door-2")
    eventually(lambda: all(thread.name != "notes" for thread in threading.enumerate()))
    path = tmp_path / "var" / "kenal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            answer = keyed.client.post("/devices/door-1/heartbeat", json={}, headers=two)
            refused(answer, 403, "forbidden")
        writer.execute("ROLLBACK")
    eventually(lambda: acts(keyed).count(BEAT_REFUSED) == 3)


def acts(keyed: Keyed) -> list[tuple[str, str]]:
    with keyed.services.database.read() as session:
        return [(row.action, row.outcome) for row in audit.page(session, None, 100)]


def test_a_devices_keys_end_with_it(keyed: Keyed) -> None:
    one = keyed.device("door-1")
    assert keyed.client.delete("/devices/door-1", headers=keyed.admin).status_code == 204
    said = {"clock": now()}
    answer = keyed.client.post("/devices/door-1/heartbeat", json=said, headers=one)
    refused(answer, 401, "unauthorized")


def test_a_fresh_key_ends_the_others_now_or_later(keyed: Keyed) -> None:
    first = keyed.device("door-1")

    def status(headers: dict[str, str]) -> int:
        said = {"clock": now()}
        answer = keyed.client.post("/devices/door-1/heartbeat", json=said, headers=headers)
        return answer.status_code

    made = keyed.client.post("/devices/door-1/key", headers=keyed.admin)
    second = {"X-API-Key": body(made)["key"]}
    assert (made.status_code, status(first), status(second)) == (201, 200, 200)
    said = {"overlap_hours": 0}
    made = keyed.client.post("/devices/door-1/key", json=said, headers=keyed.admin)
    third = {"X-API-Key": body(made)["key"]}
    assert (status(first), status(second), status(third)) == (401, 401, 200)
    for wrong in (-1, 721, "1", 1.5, True, None):
        said = {"overlap_hours": wrong}  # type: ignore[dict-item]
        answer = keyed.client.post("/devices/door-1/key", json=said, headers=keyed.admin)
        refused(answer, 400, "invalid_parameter")
    refused(keyed.client.post("/devices/none/key", headers=keyed.admin), 404, "not_found")


def test_what_admins_do_is_in_the_audit_without_keys(keyed: Keyed) -> None:
    key = keyed.device("door-1")["X-API-Key"]
    keyed.client.patch("/devices/door-1", json={"active": False}, headers=keyed.admin)
    keyed.client.delete("/devices/door-1", headers=keyed.admin)
    with keyed.services.database.read() as session:
        rows = [(r.action, r.target, str(r.details)) for r in audit.page(session, None, 10)]
    assert [row[:2] for row in rows] == [
        ("device.delete", "door-1"),
        ("device.change", "door-1"),
        ("device.create", "door-1"),
    ]
    assert key not in str(rows)
