"""GET /audit: who did what, and who tried what they may not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.access import Scope
from db.session import Database
from tests.api.keys_kit import audited, create_key, eventually, guarded_app, id_of, make_key, sent
from tests.api.kit import body, refused


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


def test_the_audit_says_who_did_what(client: FlaskClient, admin: str) -> None:
    key = create_key(client, admin, scopes=["read"])["key"]
    headers = {**sent(admin), "X-Request-ID": "the-rotation"}
    new = body(client.post(f"/keys/{id_of(key)}/rotate", headers=headers))
    client.delete(f"/keys/{new['key_id']}", headers=sent(admin))
    acts = audited(client, admin)
    told = [(act["action"], act["target"], act["caller"]) for act in acts]
    assert told == [
        ("key.revoke", new["key_id"], id_of(admin)),
        ("key.rotate", id_of(key), id_of(admin)),
        ("key.create", id_of(key), id_of(admin)),
        ("key.create", id_of(admin), "local"),
    ]
    assert acts[1]["details"] == {"successor": new["key_id"]}
    assert acts[1]["request_id"] == "the-rotation"
    assert {act["outcome"] for act in acts} == {"done"}
    assert acts[0]["caller_name"] == "boss"


def test_the_audit_in_pages(client: FlaskClient, admin: str) -> None:
    made = [create_key(client, admin, scopes=["read"])["key_id"] for _ in range(4)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        url = f"/audit?limit=2{cursor and '&cursor=' + cursor}"
        page = body(client.get(url, headers=sent(admin)))
        found += [act["target"] for act in page["acts"]]
        cursor = page["next_cursor"]
    assert found == [*reversed(made), id_of(admin)]


@pytest.mark.parametrize("scope", [Scope.IDENTIFY, Scope.ENROLL, Scope.READ])
def test_keys_and_audit_are_for_admins(
    client: FlaskClient, database: Database, admin: str, scope: Scope
) -> None:
    key = make_key(database, scope)
    asked = [
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("GET", f"/keys/{id_of(key)}"),
        ("POST", f"/keys/{id_of(key)}/rotate"),
        ("DELETE", f"/keys/{id_of(admin)}"),
        ("GET", "/audit"),
    ]
    for method, path in asked:
        error = refused(client.open(path, method=method, headers=sent(key)), 403, "forbidden")
        assert error["details"] == {"scopes": ["admin"]}

    def refusals() -> list[tuple[str, str]]:
        acts = audited(client, admin)
        return [(act["caller"], act["action"]) for act in acts if act["outcome"] == "forbidden"]

    eventually(lambda: len(refusals()) == len(asked))
    assert (id_of(key), "DELETE /keys/<key_id>") in refusals()
    assert client.get("/users", headers=sent(admin)).status_code == 200
