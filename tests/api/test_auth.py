"""Who is let in: nobody without a key when one is required, only this machine when none is."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError
from werkzeug.datastructures import Headers

from api import create_app
from api.contract.operation import operation_of
from core.access import Scope
from core.settings import Auth, Settings
from db.session import Database
from pipeline.services import Services
from tests.api.keys_kit import audited, eventually, guarded_app, id_of, make_key, sent, with_keys
from tests.api.kit import body, recognize, refused
from tests.fakes import FakeNetworks, fake_settings, make_services, portrait

OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/<name>"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[FlaskClient, Database]]:
    """A client of a service that asks for keys, and its database."""
    with guarded_app(tmp_path) as (app, database):
        yield app.test_client(), database


@pytest.mark.parametrize("key", [None, "Bearer x", "Basic eDp5", "Bearer ", "Bearer {unknown}"])
def test_every_route_needs_a_key(tmp_path: Path, key: str | None) -> None:
    # Not held against the contract: OPTIONS of what is open has an answer that nobody declares.
    settings = with_keys(fake_settings(tmp_path)).model_copy(update={"rate_limit_address": "off"})
    services = make_services(settings)
    client = create_app(services=services).test_client()
    unknown = f"knl_{'a' * 12}_{'A' * 43}"
    headers = {} if key is None else {"Authorization": key.replace("{unknown}", unknown)}
    open_routes = set()
    for rule in client.application.url_map.iter_rules():
        url = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in rule.methods or ():
            answer = client.open(url, method=method, headers=headers)
            if answer.status_code != 401:
                open_routes.add(rule.rule)
    assert open_routes == OPEN
    answer = client.get("/nothing", headers=headers)
    refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Kenal"'
    services.close()


def test_where_a_key_may_stand(guarded: tuple[FlaskClient, Database]) -> None:
    client, database = guarded
    key, other = (make_key(database, Scope.READ) for _ in range(2))
    for good in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key} "},
        {"Authorization": f"Bearer {key}", "X-API-Key": key},
        {"Authorization": "Basic eDp5", "X-API-Key": key},
    ):
        assert client.get("/users", headers=good).status_code == 200, good
    for bad in (
        {"Authorization": key},
        {"Authorization": f"Basic {key}"},
        {"Authorization": f"Bearer {other}", "X-API-Key": key},
        {"Authorization": f"Bearer {key}", "X-API-Key": ""},
        {"X-API-Key": f"{key},{other}"},
        {"Cookie": f"X-API-Key={key}"},
    ):
        refused(client.get("/users", headers=bad), 401, "unauthorized")
    twice = Headers([("X-API-Key", key), ("X-API-Key", other)])
    refused(client.get("/users", headers=twice), 401, "unauthorized")
    for name in ("key", "api_key", "X-API-Key", "access_token"):
        refused(client.get(f"/users?{name}={key}"), 401, "unauthorized")


def test_a_key_may_what_its_scopes_say(guarded: tuple[FlaskClient, Database]) -> None:
    client, database = guarded
    asked = {
        Scope.READ: ("GET", "/users"),
        Scope.ENROLL: ("DELETE", "/users/1042"),
        Scope.IDENTIFY: ("POST", "/upload_photo"),
        Scope.ADMIN: ("GET", "/keys"),
    }
    for held in Scope:
        if held is Scope.DEVICE:
            continue
        key = make_key(database, held)
        for wanted, (method, path) in asked.items():
            status = client.open(path, method=method, headers=sent(key)).status_code
            assert (status != 403) == (held in (wanted, Scope.ADMIN)), (held, wanted)
            assert status != 401


def test_a_doors_key_tells_nobody_who_is_enrolled(
    guarded: tuple[FlaskClient, Database],
) -> None:
    client, database = guarded
    door, admin = make_key(database, Scope.IDENTIFY), make_key(database, Scope.ADMIN)
    assert client.post("/users", json={"user_id": "1042"}, headers=sent(admin)).status_code == 201
    for method, path in (
        ("GET", "/users/{}"),
        ("DELETE", "/users/{}"),
        ("PATCH", "/users/{}"),
        ("POST", "/users/{}/photos"),
    ):
        answers = [
            client.open(path.format(user_id), method=method, headers=sent(door))
            for user_id in ("1042", "nobody")
        ]
        errors = [refused(answer, 403, "forbidden") for answer in answers]
        assert errors[0] == errors[1]
    told = "DELETE /users/<user_id>", "forbidden", id_of(door), None
    acts = ("action", "outcome", "caller", "target")
    eventually(
        lambda: told in [tuple(act[name] for name in acts) for act in audited(client, admin)]
    )
    assert client.get("/users/1042", headers=sent(admin)).status_code == 200


def test_a_busy_database_turns_no_refusal_into_another(
    guarded: tuple[FlaskClient, Database], tmp_path: Path
) -> None:
    client, database = guarded
    door, admin = make_key(database, Scope.IDENTIFY), make_key(database, Scope.ADMIN)
    path = tmp_path / "var" / "kenal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        refused(client.delete("/users/1042", headers=sent(door)), 403, "forbidden")
        assert [act["outcome"] for act in audited(client, admin)] == ["done", "done"]
        writer.execute("ROLLBACK")
    eventually(lambda: audited(client, admin)[0]["outcome"] == "forbidden")


def from_address(client: FlaskClient, key: str, address: str, forwarded: str | None) -> int:
    headers = sent(key) if forwarded is None else {**sent(key), "X-Forwarded-For": forwarded}
    answer = client.get("/users", headers=headers, environ_base={"REMOTE_ADDR": address})
    return answer.status_code


def test_a_stranger_may_claim_any_address(guarded: tuple[FlaskClient, Database]) -> None:
    client, database = guarded
    key = make_key(database, Scope.READ, networks=("192.168.1.0/24",))
    assert from_address(client, key, "192.168.1.5", None) == 200
    assert from_address(client, key, "192.168.1.5", "8.8.8.8") == 200
    assert from_address(client, key, "8.8.8.8", "192.168.1.5") == 401


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (1, "192.168.1.5", 200),
        (1, "8.8.8.8, 192.168.1.5", 200),
        (1, "192.168.1.5, 8.8.8.8", 401),
        (2, "192.168.1.5, 10.0.0.1", 200),
        (2, "192.168.1.5, 8.8.8.8, 10.0.0.1", 401),
        (2, "192.168.1.5", 401),
        (1, "unknown", 401),
        (1, "", 401),
        (1, None, 401),
    ],
)
def test_a_trusted_proxy_says_who_asks(
    tmp_path: Path, proxies: int, forwarded: str | None, status: int
) -> None:
    with guarded_app(tmp_path, trusted_proxies=proxies) as (app, database):
        key = make_key(database, Scope.READ, networks=("192.168.1.0/24",))
        assert from_address(app.test_client(), key, "127.0.0.1", forwarded) == status


def test_a_forwarded_name_is_not_believed(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path).model_copy(update={"trusted_proxies": 1})
    services = Services.build(settings, FakeNetworks())
    client = create_app(services=services).test_client()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    refused(client.get("/healthz", headers=headers), 403, "forbidden")
    refused(client.get("/healthz", headers={"X-Forwarded-For": "8.8.8.8"}), 403, "forbidden")
    services.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "8.8.8.8"},
        {"X-Forwarded-For": "127.0.0.1, 8.8.8.8"},
        {"X-Forwarded-For": "unknown"},
        {"X-Real-IP": "8.8.8.8"},
        {"Forwarded": "for=8.8.8.8"},
        {"Forwarded": 'for="[::1]";host=kenal.example'},
    ],
)
def test_a_proxy_lets_nobody_in_where_no_keys_are_asked_for(
    reader: FlaskClient, headers: dict[str, str]
) -> None:
    """Many proxies send their own address as the Host."""
    refused(reader.get("/users", headers={"Host": "127.0.0.1:8000", **headers}), 403, "forbidden")


def test_a_proxy_for_this_machine_may(reader: FlaskClient) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1, ::1", "X-Real-IP": "127.0.0.1"}
    assert reader.get("/users", headers=headers).status_code == 200


def test_every_view_declares_its_operation(reader: FlaskClient) -> None:
    app = reader.application
    assert [name for name in app.view_functions if operation_of(app, name) is None] == []


def test_open_only_on_loopback(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, host="0.0.0.0", auth=Auth.OFF)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:80", "127.8.8.8", "[::1]:8000", "LOCALHOST"]
)
def test_this_machine(reader: FlaskClient, host: str) -> None:
    assert reader.get("/users", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "192.168.1.5", "127.0.0.1.evil.example", "[", "a@b"],
)
def test_foreign_names_are_refused(reader: FlaskClient, host: str) -> None:
    for path in ("/users", "/healthz", "/nothing"):
        refused(reader.get(path, headers={"Host": host}), 403, "forbidden")


def test_another_machine_is_refused(reader: FlaskClient) -> None:
    for address in ("192.168.1.5", "2001:db8::1"):
        answer = reader.get("/users", environ_base={"REMOTE_ADDR": address})
        refused(answer, 403, "forbidden")
    assert reader.get("/users", environ_base={"REMOTE_ADDR": ""}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(reader: FlaskClient, headers: dict[str, str]) -> None:
    for answer in (
        reader.post("/users/x/photos", data=b"", headers=headers),
        reader.delete("/users/1042", headers=headers),
        reader.patch("/users/1042", json={}, headers=headers),
    ):
        refused(answer, 403, "forbidden")
    assert reader.get("/users/1042", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/users/1042", "/users/nobody", "/docs", "/nothing"])
def test_pages_of_other_sites_show_nothing(reader: FlaskClient, path: str) -> None:
    """A picture in a page is asked for without Origin, and the page sees whether there is one."""
    answer = reader.get(path, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"


def test_pages_of_this_machine_may(reader: FlaskClient) -> None:
    for headers in ({"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = reader.post(
            "/upload_photo", data=portrait(5), content_type="image/png", headers=headers
        )
        assert body(answer)["user_id"] == "1042"
    assert body(recognize(reader, portrait(5)))["user_id"] == "1042"
