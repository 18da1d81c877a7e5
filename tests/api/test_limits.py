"""Too much is refused with 429 and when to come back; others do not notice."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from api.limit_counts import CalmStorage
from core.access import Scope
from core.settings import Auth, SettingsError
from pipeline import keys
from pipeline.keys import NewKey
from tests.api.kit import refused
from tests.fakes import fake_settings, make_services


@contextmanager
def serving(folder: Path, **limits: str) -> Iterator[tuple[FlaskClient, list[str]]]:
    """A client of a service that asks for keys, and two keys."""
    settings = fake_settings(folder).model_copy(update={"auth": Auth.REQUIRED, **limits})
    services = make_services(settings)
    with services.database.write() as session:
        wanted = NewKey("reader", frozenset([Scope.READ]))
        made = [keys.create(session, wanted, "test").text for _ in range(2)]
    yield create_app(services=services).test_client(), made
    services.close()


def test_a_key_that_asks_too_much_waits_and_the_other_does_not(tmp_path: Path) -> None:
    with serving(tmp_path, rate_limit="5/hour") as (client, (greedy, modest)):
        for _ in range(5):
            assert client.get("/users", headers={"X-API-Key": greedy}).status_code == 200
        answer = client.get("/users", headers={"X-API-Key": greedy})
        refused(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 3600
        assert client.get("/users", headers={"X-API-Key": modest}).status_code == 200


def test_who_guesses_keys_is_stopped_and_holders_of_one_are_not(tmp_path: Path) -> None:
    with serving(tmp_path, rate_limit_address="3/hour") as (client, (key, _)):
        for _ in range(3):
            refused(client.get("/users", headers={"X-API-Key": "guess"}), 401, "unauthorized")
        refused(client.get("/users", headers={"X-API-Key": "guess"}), 429, "rate_limited")
        refused(client.get("/openapi.json"), 429, "rate_limited")
        # Else whoever watches it from that address, a proxy for one, takes it for dead.
        assert client.get("/healthz").status_code == 200
        assert client.get("/users", headers={"X-API-Key": key}).status_code == 200


def test_who_has_a_network_of_addresses_is_one(tmp_path: Path) -> None:
    """Of IPv6 every client has 2^64 addresses; of IPv4, written as IPv6, one."""

    def status(client: FlaskClient, address: str) -> int:
        return client.get("/users", environ_base={"REMOTE_ADDR": address}).status_code

    with serving(tmp_path, rate_limit_address="2/hour") as (client, _):
        own = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3"]
        assert [status(client, address) for address in own] == [401, 401, 429]
        assert status(client, "2001:db8:0:2::1") == 401
        for address in ("::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3", "unknown"):
            assert status(client, address) == 401
        assert status(client, "::ffff:192.0.2.1") == 401
        assert status(client, "192.0.2.1") == 429


def test_where_nobody_counts_keys_still_open_doors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> bool:
        raise ConnectionError("redis://user:secret@counts.example is away")

    monkeypatch.setattr("limits.strategies.SlidingWindowCounterRateLimiter.hit", fail)
    with serving(tmp_path) as (client, (key, _)):
        assert client.get("/users", headers={"X-API-Key": key}).status_code == 200
        refused(client.get("/users"), 401, "unauthorized")
    assert "not counted" in caplog.text
    assert "secret" not in caplog.text


def test_several_limits_and_none(tmp_path: Path) -> None:
    with serving(tmp_path, rate_limit="100/hour; 2/minute") as (client, (key, _)):
        statuses = [client.get("/users", headers={"X-API-Key": key}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
    with serving(tmp_path / "off", rate_limit="off") as (client, (key, _)):
        for _ in range(50):
            assert client.get("/users", headers={"X-API-Key": key}).status_code == 200


def test_this_machine_has_no_limit(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path).model_copy(update={"rate_limit": "1/hour"})
    services = make_services(settings)
    client = create_app(services=services).test_client()
    assert [client.get("/users").status_code for _ in range(5)] == [200] * 5
    services.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_limit": "fast"},
        {"rate_limit_address": "5 per blink"},
        {"rate_limit_storage": "floppy://"},
    ],
)
def test_limits_that_are_none_are_refused_at_the_start(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    settings = fake_settings(tmp_path).model_copy(update={"auth": Auth.REQUIRED, **wrong})
    services = make_services(settings)
    with pytest.raises(SettingsError, match="RATE_LIMIT"):
        create_app(services=services)
    services.close()


def test_counting_starts_a_thread_once_a_second_at_most() -> None:
    """And old counts are forgotten all the same."""
    storage = CalmStorage()
    started: set[int] = set()
    end = time.monotonic() + 1.6
    while time.monotonic() < end:
        storage.incr("key", 0)
        started |= {id(one) for one in threading.enumerate() if isinstance(one, threading.Timer)}
        time.sleep(0.005)
    assert 1 <= len(started) <= 3
    storage.incr("last", 60)
    time.sleep(1.1)
    storage.incr("last", 60)
    time.sleep(0.2)
    assert "key" not in storage.storage
    assert storage.get("last") == 2
