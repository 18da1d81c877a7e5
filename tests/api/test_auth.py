"""Who is let in: nobody without a key when one is required, only this machine when none is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from api import create_app
from api.contract.operation import operation_of
from core.settings import Auth, Settings
from pipeline.services import Services
from tests.api.kit import body, recognize, refused
from tests.fakes import FakeNetworks, fake_settings, portrait


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[FlaskClient]:
    settings = fake_settings(tmp_path).model_copy(update={"auth": Auth.REQUIRED})
    services = Services.build(settings, FakeNetworks())
    yield create_app(services=services).test_client()
    services.close()


@pytest.mark.parametrize("key", [None, "Bearer x", "Basic eDp5", "Bearer "])
def test_every_route_needs_a_key(guarded: FlaskClient, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": key}
    open_routes = set()
    for rule in guarded.application.url_map.iter_rules():
        url = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in rule.methods or ():
            answer = guarded.open(url, method=method, headers=headers)
            if answer.status_code != 401:
                open_routes.add(rule.rule)
    assert open_routes == {"/healthz", "/readyz"}
    refused(guarded.get("/nothing", headers=headers), 401, "unauthorized")


def test_every_view_declares_its_operation(guarded: FlaskClient) -> None:
    app = guarded.application
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


def test_pages_of_this_machine_may(reader: FlaskClient) -> None:
    for headers in ({"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = reader.post(
            "/upload_photo", data=portrait(5), content_type="image/png", headers=headers
        )
        assert body(answer)["user_id"] == "1042"
    assert body(recognize(reader, portrait(5)))["user_id"] == "1042"
