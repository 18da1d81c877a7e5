"""Keys for tests of a service that asks for them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from core.access import LOCAL, Scope
from core.settings import Auth, Settings
from db.session import Database
from pipeline.key_admin import KeyAdmin
from pipeline.keys import NewKey
from tests.api.contract_kit import Contract
from tests.api.kit import Json, body
from tests.fakes import fake_settings, make_services

PATIENCE_SECONDS = 20


def with_keys(settings: Settings, trusted_proxies: int = 0) -> Settings:
    """The same settings where every request needs a key."""
    changed = {"auth": Auth.REQUIRED, "trusted_proxies": trusted_proxies}
    return settings.model_copy(update=changed)


@contextmanager
def guarded_app(folder: Path, trusted_proxies: int = 0) -> Iterator[tuple[Flask, Database]]:
    """An app that asks for keys, and its database; networks are not started, keys need none."""
    services = make_services(with_keys(fake_settings(folder), trusted_proxies))
    app = create_app(services=services)
    contract = Contract(app)
    yield app, services.database
    services.close()
    contract.check()


def make_key(
    database: Database, *scopes: Scope, networks: tuple[str, ...] = (), name: str = "test"
) -> str:
    """The text of a new key."""
    wanted = NewKey(name, frozenset(scopes), networks)
    return KeyAdmin(database, LOCAL).create(wanted).text


def id_of(key: str) -> str:
    return key.split("_")[1]


def sent(key: str) -> dict[str, str]:
    """The headers of a request with this key."""
    return {"X-API-Key": key}


def in_hours(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def eventually(is_so: Callable[[], bool]) -> None:
    """Until it is so: notes are written beside the requests."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def audited(client: FlaskClient, key: str) -> list[Json]:
    """The newest acts of the audit."""
    acts: list[Json] = body(client.get("/audit", headers=sent(key)))["acts"]
    return acts


def create_key(client: FlaskClient, admin: str, **given: object) -> Json:
    """The answer of POST /keys."""
    answer = client.post("/keys", json={"name": "door", **given}, headers=sent(admin))
    assert answer.status_code == 201, answer.text
    return body(answer)
