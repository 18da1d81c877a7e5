"""`flask keys`: always a way in for whoever has the machine."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from api.schemas import of_time
from core.access import Scope
from db.session import Database
from tests.api.keys_kit import (
    audited,
    guarded_app,
    id_of,
    in_hours,
    make_key,
    sent,
)
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


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_commands(runner: FlaskCliRunner, client: FlaskClient, admin: str) -> None:
    made = runner.invoke(
        args=[
            *("keys", "create", "identify", "read", "--name", "door"),
            *("--network", "127.0.0.0/8", "--network", "10.0.0.0/8", "--expires-days", "30"),
        ]
    )
    key = made.stdout.strip()
    assert client.get("/users", headers=sent(key)).status_code == 200
    shown = body(client.get(f"/keys/{id_of(key)}", headers=sent(admin)))
    assert (shown["networks"], shown["created_by"]) == (["127.0.0.0/8", "10.0.0.0/8"], "local")
    assert of_time(in_hours(24 * 29)) < shown["expires_at"] < of_time(in_hours(24 * 31))
    rotated = runner.invoke(args=["keys", "rotate", id_of(key), "--overlap-hours", "0"])
    new = rotated.stdout.strip()
    refused(client.get("/users", headers=sent(key)), 401, "unauthorized")
    assert client.get("/users", headers=sent(new)).status_code == 200
    assert runner.invoke(args=["keys", "revoke", id_of(new)]).exit_code == 0
    refused(client.get("/users", headers=sent(new)), 401, "unauthorized")
    listed = runner.invoke(args=["keys", "list"]).stdout
    assert [line.split("\t")[:2] for line in listed.splitlines()] == [
        [id_of(admin), "live"],
        [id_of(key), "ended"],
        [id_of(new), "revoked"],
    ]
    assert new[-43:] not in listed
    callers = {act["caller"] for act in audited(client, admin)}
    assert callers == {"local"}


def test_commands_say_what_is_wrong(runner: FlaskCliRunner, admin: str) -> None:
    for args, code in (
        (["create", "read", "--name", ""], "invalid_parameter"),
        (["create", "read", "--name", "x", "--network", "home"], "invalid_parameter"),
        (["revoke", "nothing"], "not_found"),
        (["rotate", "nothing"], "not_found"),
    ):
        result = runner.invoke(args=["keys", *args])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"{code}: ")
    for args in (["create", "--name", "x"], ["create", "device", "--name", "x"]):
        assert runner.invoke(args=["keys", *args]).exit_code == 2
    said = runner.invoke(args=["keys", "revoke", id_of(admin)]).stdout
    assert "No admin key is left" in said


def test_revoking_the_last_admin_is_said(
    app: Flask, client: FlaskClient, admin: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert client.delete(f"/keys/{id_of(admin)}", headers=sent(admin)).status_code == 204
    assert "no admin key is left" in caplog.text
    refused(client.get("/keys", headers=sent(admin)), 401, "unauthorized")
    made = app.test_cli_runner().invoke(args=["keys", "create", "admin", "--name", "new boss"])
    assert client.get("/keys", headers=sent(made.stdout.strip())).status_code == 200
