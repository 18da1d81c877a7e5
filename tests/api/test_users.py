"""/users: profiles made, read, changed, listed, and removed with everything of the person."""

import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.api.kit import body, enroll, recognize, refused
from tests.fakes import portrait

STRANGE_IDS = ["1042", "Åse Ødegård", "ann@example.org", "名前", "मीरा", "a-b_c.d"]


def test_create_and_read(client: FlaskClient) -> None:
    given = {"user_id": "1042", "name": "Ada", "email": "a@b.c", "attributes": {"floor": 3}}
    made = client.post("/users", json=given)
    assert (made.status_code, made.headers["Location"]) == (201, "/users/1042")
    user = body(made)
    assert {name: user[name] for name in given} == given
    assert user["face_id"] is None
    assert user["created_at"].endswith("Z")
    read = body(client.get("/users/1042"))
    assert {**read, "request_id": ""} == {**user, "request_id": ""}


@pytest.mark.parametrize("user_id", STRANGE_IDS)
def test_any_script_and_sign(client: FlaskClient, user_id: str) -> None:
    made = client.post("/users", json={"user_id": user_id})
    assert made.status_code == 201
    assert body(client.get(made.headers["Location"]))["user_id"] == user_id
    address = f"/users/{quote(user_id, safe='')}"
    assert body(client.get(address))["user_id"] == user_id
    enroll(client, user_id, portrait(5))
    assert body(recognize(client, portrait(5)))["user_id"] == user_id
    assert client.delete(address).status_code == 204
    refused(client.get(address), 404, "not_found")


def test_two_forms_of_one_name_are_one_person(client: FlaskClient) -> None:
    composed, apart = (unicodedata.normalize(form, "josé") for form in ("NFC", "NFD"))
    assert composed != apart
    client.post("/users", json={"user_id": apart})
    assert body(client.get(f"/users/{quote(apart)}"))["user_id"] == composed
    refused(client.post("/users", json={"user_id": composed}), 409, "conflict")


def test_conflict(client: FlaskClient) -> None:
    client.post("/users", json={"user_id": "Ann", "name": "first"})
    refused(client.post("/users", json={"user_id": "Ann"}), 409, "conflict")
    refused(client.post("/users", json={"user_id": "ANN"}), 409, "conflict")
    assert body(client.get("/users/Ann"))["name"] == "first"


@pytest.mark.parametrize(
    "user_id",
    ["", "..", ".x", "x.", "a/b", "a\\b", "a\x00b", "x" * 65, "con", "a.jpg", "a\u202eb", "\ud800"],
)
def test_impossible_ids(reader: FlaskClient, user_id: str) -> None:
    refused(reader.post("/users", json={"user_id": user_id}), 400, "invalid_name")


@pytest.mark.parametrize("path", ["%2e%2e", "a%00b", "%ff%fe", "x" * 65])
def test_impossible_ids_in_addresses(reader: FlaskClient, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        refused(reader.open(f"/users/{path}", method=method, json={}), 400, "invalid_name")
    refused(reader.get(f"/users/{path}/photos"), 400, "invalid_name")


def test_patch_changes_only_what_is_given(client: FlaskClient) -> None:
    given = {"user_id": "1", "name": "Ada", "email": "a@b.c", "attributes": {"floor": 3}}
    before = body(client.post("/users", json=given))
    after = body(client.patch("/users/1", json={"name": "Grace"}))
    assert (after["name"], after["email"], after["attributes"]) == ("Grace", "a@b.c", {"floor": 3})
    assert after["updated_at"] >= before["updated_at"]
    cleared = body(client.patch("/users/1", json={"name": None, "email": None, "attributes": None}))
    assert (cleared["name"], cleared["email"], cleared["attributes"]) == (None, None, {})
    assert body(client.get("/users/1"))["name"] is None
    refused(client.patch("/users/2", json={}), 404, "not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"name": ""},
        {"name": "x" * 257},
        {"name": "\ud800"},
        {"email": "no address"},
        {"attributes": []},
        {"attributes": {"x": "y" * 70_000}},
        {"face_id": 3},
        {"nmae": "Ada"},
    ],
)
def test_profiles_are_strict(reader: FlaskClient, change: dict[str, object]) -> None:
    error = refused(reader.patch("/users/1042", json=change), 400, "invalid_parameter")
    name = next(iter(change))
    assert error["details"] == ({} if name in ("face_id", "nmae") else {"parameter": name})
    refused(reader.post("/users", json={"user_id": "new", **change}), 400, "invalid_parameter")
    refused(reader.get("/users/new"), 404, "not_found")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"name": 1e999}', b'{"name": "a", "name": "b"}'])
def test_bad_json(reader: FlaskClient, data: bytes) -> None:
    for method, url in (("POST", "/users"), ("PATCH", "/users/1042")):
        answer = reader.open(url, method=method, data=data, content_type="application/json")
        refused(answer, 400, "bad_json")
        answer = reader.open(url, method=method, data=data, content_type="text/plain")
        refused(answer, 415, "unsupported_media_type")


def test_user_id_is_needed_and_a_text(reader: FlaskClient) -> None:
    for given in ({}, {"user_id": 1042}, {"user_id": None}):
        refused(reader.post("/users", json=given), 400, "invalid_parameter")


def test_pages(client: FlaskClient) -> None:
    ids = [f"u{number}" for number in range(5)]
    for user_id in ids:
        client.post("/users", json={"user_id": user_id})
    found: list[str] = []
    page = body(client.get("/users?limit=2"))
    found += [user["user_id"] for user in page["users"]]
    while page["next_cursor"]:
        page = body(client.get(f"/users?limit=2&cursor={page['next_cursor']}"))
        assert len(page["users"]) <= 2
        found += [user["user_id"] for user in page["users"]]
    assert found == ids
    whole = body(client.get("/users?limit=5"))
    assert (len(whole["users"]), whole["next_cursor"]) == (5, None)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=",
        "cursor=5",
        "cursor=%00",
        "cursor=YWZ0ZXI6LTE",
        "cursor=YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk",
        "cursor=a&cursor=a",
        "page=2",
    ],
)
@pytest.mark.parametrize("url", ["/users", "/photos", "/users/1042/photos"])
def test_bad_pages(reader: FlaskClient, url: str, query: str) -> None:
    refused(reader.get(f"{url}?{query}"), 400, "invalid_parameter")


def test_delete_removes_everything(client: FlaskClient, tmp_path: Path) -> None:
    enroll(client, "1042", portrait(5))
    enroll(client, "1042", portrait(5, shade=4))
    enroll(client, "7", portrait(77))
    drop = tmp_path / "photo_storage"
    (drop / "1042.json").write_text('{"name": "Ada"}')
    assert client.delete("/users/1042").status_code == 204
    found = body(recognize(client, portrait(5)))
    assert (found["decision"], found["candidates"]) == ("no_match", [])
    assert [path.name for path in drop.iterdir()] == ["7"]
    ledger = body(client.get("/photos"))
    assert [photo["user_id"] for photo in ledger["photos"]] == ["7"]
    refused(client.delete("/users/1042"), 404, "not_found")
    refused(client.get("/users/1042/photos"), 404, "not_found")
    assert body(recognize(client, portrait(77)))["user_id"] == "7"
