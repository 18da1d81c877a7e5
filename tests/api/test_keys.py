"""/keys: made, shown once, rotated and revoked by admins."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.schemas import of_time
from core.access import Scope
from db.session import Database
from tests.api.keys_kit import (
    create_key,
    guarded_app,
    id_of,
    in_hours,
    make_key,
    sent,
)
from tests.api.kit import Json, body, refused


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Flask, Database]]:
    with guarded_app(tmp_path) as guarded:
        yield guarded


@pytest.fixture
def app(guarded: tuple[Flask, Database]) -> Flask:
    return guarded[0]


@pytest.fixture
def database(guarded: tuple[Flask, Database]) -> Database:
    return guarded[1]


@pytest.fixture
def admin(database: Database) -> str:
    return make_key(database, Scope.ADMIN, name="boss")


def test_a_key_is_shown_once(client: FlaskClient, admin: str) -> None:
    end = of_time(in_hours(1))
    answer = client.post(
        "/keys",
        json={
            "name": "door system",
            "scopes": ["read", "identify"],
            "networks": ["127.0.0.0/8"],
            "expires_at": end,
        },
        headers=sent(admin),
    )
    made = body(answer)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/keys/{made['key_id']}"
    key = made.pop("key")
    assert id_of(key) == made["key_id"]
    shown = body(client.get(f"/keys/{made['key_id']}", headers=sent(admin)))
    for each in (made, shown):
        each.pop("request_id")
    assert made == shown
    assert shown | {"created_at": "…"} == {
        "key_id": id_of(key),
        "name": "door system",
        "scopes": ["identify", "read"],
        "networks": ["127.0.0.0/8"],
        "device_id": None,
        "created_by": id_of(admin),
        "created_at": "…",
        "expires_at": end,
        "revoked_at": None,
        "last_used_at": None,
    }
    assert client.get("/users", headers=sent(key)).status_code == 200


def test_pages_hold_no_secret(client: FlaskClient, admin: str) -> None:
    keys = [admin, *(create_key(client, admin, scopes=["read"])["key"] for _ in range(4))]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(f"/keys?limit=2{cursor and '&cursor=' + cursor}", headers=sent(admin))
        assert not any(key[-43:] in answer.text for key in keys)
        assert "salt" not in answer.text
        found += [key["key_id"] for key in body(answer)["keys"]]
        cursor = body(answer)["next_cursor"]
    assert found == [id_of(key) for key in keys]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["device"]}, "scopes"),
        ({"scopes": ["read"], "name": ""}, "name"),
        ({"scopes": ["read"], "name": None}, "name"),
        ({"scopes": ["read"], "name": "a\u0000b"}, "name"),
        ({"scopes": ["read"], "networks": ["home"]}, "networks"),
        ({"scopes": ["read"], "networks": [5]}, "networks"),
        ({"scopes": ["read"], "networks": ["10.0.0.0/8"] * 65}, "networks"),
        ({"scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": "2120-01-01T00:00:00"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": "4102444800"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": 4102444800}, "expires_at"),
        ({"scopes": ["read"], "admin": True}, None),
    ],
)
def test_a_wrong_body(client: FlaskClient, admin: str, given: Json, parameter: str | None) -> None:
    answer = client.post("/keys", json={"name": "x", **given}, headers=sent(admin))
    details = {} if parameter is None else {"parameter": parameter}
    assert refused(answer, 400, "invalid_parameter")["details"] == details
    assert len(body(client.get("/keys", headers=sent(admin)))["keys"]) == 1


def test_a_revoked_key_ends_at_once(client: FlaskClient, admin: str) -> None:
    key = create_key(client, admin, scopes=["read"])["key"]
    assert client.get("/users", headers=sent(key)).status_code == 200
    for _ in range(2):
        assert client.delete(f"/keys/{id_of(key)}", headers=sent(admin)).status_code == 204
    refused(client.get("/users", headers=sent(key)), 401, "unauthorized")
    assert body(client.get(f"/keys/{id_of(key)}", headers=sent(admin)))["revoked_at"]
    refused(client.delete("/keys/nothing", headers=sent(admin)), 404, "not_found")
    refused(client.get("/keys/nothing", headers=sent(admin)), 404, "not_found")


def test_rotation_overlaps(client: FlaskClient, admin: str) -> None:
    old = create_key(client, admin, scopes=["read"])
    # curl -X POST alone.
    answer = client.post(f"/keys/{old['key_id']}/rotate", headers=sent(admin))
    new = body(answer)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/keys/{new['key_id']}"
    assert (new["name"], new["scopes"], new["expires_at"]) == ("door", ["read"], None)
    for key in (old["key"], new["key"]):
        assert client.get("/users", headers=sent(key)).status_code == 200
    end = body(client.get(f"/keys/{old['key_id']}", headers=sent(admin)))["expires_at"]
    assert of_time(in_hours(23)) < end < of_time(in_hours(25))
    address = f"/keys/{new['key_id']}/rotate"
    assert client.post(address, json={"overlap_hours": 0}, headers=sent(admin)).status_code == 201
    refused(client.get("/users", headers=sent(new["key"])), 401, "unauthorized")
    refused(client.post(address, headers=sent(admin)), 409, "conflict")
    refused(client.post("/keys/nothing/rotate", headers=sent(admin)), 404, "not_found")


@pytest.mark.parametrize("hours", [-1, 721, 1.5, "5", None, True])
def test_a_wrong_overlap(client: FlaskClient, admin: str, hours: object) -> None:
    address = f"/keys/{id_of(admin)}/rotate"
    answer = client.post(address, json={"overlap_hours": hours}, headers=sent(admin))
    assert refused(answer, 400, "invalid_parameter")["details"] == {"parameter": "overlap_hours"}
    refused(client.post(address, data=b"[", headers=sent(admin)), 415, "unsupported_media_type")


def test_a_repeated_request_makes_another_key(
    client: FlaskClient, database: Database, admin: str, tmp_path: Path
) -> None:
    headers = {**sent(admin), "Idempotency-Key": "one"}
    asked = {"name": "door", "scopes": ["read"]}
    keys = [body(client.post("/keys", json=asked, headers=headers))["key"] for _ in range(2)]
    assert len(set(keys)) == 2
    # What would be kept for a repetition would be the key itself.
    database.close()
    for file in tmp_path.glob("var/kenal.sqlite3*"):
        assert not any(key[-43:].encode() in file.read_bytes() for key in keys)


def test_no_key_is_in_a_log_or_an_error(
    client: FlaskClient, admin: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        key = create_key(client, admin, scopes=["read"])["key"]
        client.delete("/users/1042", headers=sent(key))
        answers = [
            client.get(f"/keys/{key}", headers=sent(admin)),
            client.post("/keys", json={"name": key, "scopes": ["read"]}, headers=sent(admin)),
            client.post("/keys", json={key: 1}, headers=sent(admin)),
            client.post("/keys", json={"name": "x", "scopes": [key]}, headers=sent(admin)),
            client.get(f"/users?api_key={key}", headers=sent(key)),
            client.get("/users", headers=sent(f"{key}x")),
        ]
    assert {answer.status_code for answer in answers} == {400, 401, 404}
    for text in (caplog.text, *(answer.text for answer in answers)):
        assert key[-43:] not in text
        assert admin[-43:] not in text
