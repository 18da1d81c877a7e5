"""/metrics: what is counted, what is looked up, and that it tells nothing of anybody."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from api import create_app
from api.measuring.state import State
from core.access import Scope
from core.errors import Busy
from core.serving import worker_files
from db import deliveries
from db.access_models import Device
from db.deliveries import DeliveryStatus, Message
from db.session import Database
from pipeline.services import Services
from tests.api.keys_kit import make_key, sent, with_keys
from tests.api.kit import enroll, recognize, refused
from tests.api.test_server import Server
from tests.fakes import fake_settings, make_services, portrait
from tests.webhook_rows import webhook

Samples = dict[tuple[str, frozenset[str]], float]
PATIENCE_SECONDS = 60


def scraped(client: FlaskClient, headers: dict[str, str] | None = None) -> Samples:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


def samples(text: str) -> Samples:
    return {
        (one.name, frozenset(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(found: Samples, name: str, *labels: str) -> float:
    return found.get((f"kenal_{name}", frozenset(labels)), 0)


def test_requests_are_counted_by_address_and_end(client: FlaskClient) -> None:
    client.get("/users/nobody")
    client.get("/users/nobody-else")
    client.get("/no/such/thing")
    client.open("/users", method="BREW")
    found = scraped(client)
    assert value(found, "http_requests_total", "GET", "/users/{user_id}", "404") == 2
    assert value(found, "http_requests_total", "GET", "unknown", "404") == 1
    assert value(found, "http_requests_total", "unknown", "unknown", "405") == 1
    assert value(found, "http_request_seconds_count", "GET", "/users/{user_id}") == 2
    assert value(found, "refusals_total", "not_found") == 3


def test_refusals_of_every_shape_are_counted_by_our_code(client: FlaskClient) -> None:
    answer = client.post("/api/v1/recognition/recognize")
    assert answer.get_json()["code"] == 0
    client.get("/api/v1/no/such/thing")
    found = scraped(client)
    assert value(found, "refusals_total", "unsupported_media_type") == 1
    assert value(found, "refusals_total", "not_found") == 1


def test_photos_are_measured_by_stage_and_decision(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    recognize(client, portrait(5))
    recognize(client, portrait(5), "faces=all")
    recognize(client, portrait(77))
    recognize(client, b"no photo")
    found = scraped(client)
    assert value(found, "decisions_total", "/upload_photo", "match") == 2
    assert value(found, "decisions_total", "/upload_photo", "no_match") == 1
    for stage in ("wait", "decode", "detect", "embed", "search"):
        assert value(found, "photo_stage_seconds_count", stage) == 3
    assert value(found, "photo_stage_seconds_count", "total") == 0
    assert value(found, "refusals_total", "unsupported_image") == 1
    assert value(found, "photos_waiting") == 0


def test_the_state_is_looked_up(client: FlaskClient, services: Services, tmp_path: Path) -> None:
    enroll(client, "1", portrait(1))
    enroll(client, "2", portrait(2))
    client.post("/users", json={"user_id": "3"})
    now = datetime.now(UTC)
    with services.database.write() as session:
        hook = webhook(session, active=True)
        message = Message("m", "user.created", "{}", None)
        one, two = (deliveries.add(session, [hook], message)[0] for _ in range(2))
        one.status, one.next_attempt_at = DeliveryStatus.FAILED, None
        two.next_attempt_at = now - timedelta(minutes=3)
        for name, seen in (("a", now), ("b", now - timedelta(hours=1)), ("c", None)):
            session.add(device(name, seen))
    found = scraped(client)
    assert [value(found, name) for name in ("people", "faces", "ready", "database_up")] == [
        *(3, 2, 1, 1)
    ]
    assert value(found, "ledger_photos", "enrolled") == 2
    assert value(found, "ledger_photos", "pending") == 0
    assert value(found, "webhook_deliveries", "pending") == 1
    assert value(found, "webhook_deliveries", "failed") == 1
    assert 180 <= value(found, "webhook_overdue_seconds") < 240
    assert (value(found, "devices"), value(found, "devices_online")) == (3, 1)
    assert value(found, "index_delta_faces") == 2
    assert value(found, "watcher_up") == 0


def device(name: str, seen: datetime | None) -> Device:
    now = datetime.now(UTC)
    return Device(
        device_id=name, name=name, active=True, last_seen_at=seen, created_at=now, updated_at=now
    )


def test_rows_are_counted_now_and_then_only(services: Services) -> None:
    now = [0.0]
    state = State(services, clock=lambda: now[0])

    def people() -> float:
        (found,) = (one for one in state.collect() if one.name == "kenal_people")
        return float(found.samples[0].value)

    assert people() == 0
    client = create_app(services=services).test_client()
    client.post("/users", json={"user_id": "1"})
    assert people() == 0
    now[0] = 16
    assert people() == 1


def test_a_database_that_does_not_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: Database) -> None:
        raise Busy("no")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "read", read)
        found = scraped(client)
    assert ("kenal_people", frozenset()) not in found
    assert (value(found, "database_up"), value(found, "ready")) == (0, 1)


def test_before_networks_are_loaded(cold_client: FlaskClient) -> None:
    found = scraped(cold_client)
    assert (value(found, "ready"), value(found, "database_up")) == (0, 1)
    assert ("kenal_faces", frozenset()) not in found


def test_nobody_is_named(client: FlaskClient) -> None:
    enroll(client, "secret-person", portrait(5))
    recognize(client, portrait(5), "user_id=secret-person")
    client.get("/users/secret-person/photos/7?cursor=secret")
    assert "secret" not in client.get("/metrics").text


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Services]:
    services = make_services(with_keys(fake_settings(tmp_path)))
    services.start()
    yield services
    services.close()


def test_it_is_for_those_who_may_read(keyed: Services) -> None:
    client = create_app(services=keyed).test_client()
    refused(client.get("/metrics"), 401, "unauthorized")
    identify = make_key(keyed.database, Scope.IDENTIFY)
    refused(client.get("/metrics", headers=sent(identify)), 403, "forbidden")
    for scope in (Scope.READ, Scope.ADMIN):
        text = make_key(keyed.database, scope)
        found = scraped(client, sent(text))
        assert value(found, "refusals_total", "unauthorized") == 1


def test_the_files_of_a_worker_that_ended(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_7.db").write_bytes(b"old")
    worker_files.clean(folder)
    assert list(folder.iterdir()) == []
    worker_files.reserve(folder, 7)
    (room,) = {path.stat().st_blocks * 512 for path in folder.iterdir()}
    assert room >= 1_000_000
    worker_files.release(folder, 7)
    assert {path.name for path in folder.iterdir()} == {"counter_7.db", "histogram_7.db"}
    assert all(path.stat().st_size < 100 for path in folder.iterdir())


def test_a_disk_without_room_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def full(descriptor: int, start: int, size: int) -> None:
        made.append(descriptor)
        if len(made) > 1:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="full"):
        worker_files.reserve(tmp_path, 7)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_worker_without_room_for_its_counts_serves(tmp_path: Path) -> None:
    # A file of that name is no folder: nothing can be made in it.
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "metrics").write_text("")
    server = Server(tmp_path)
    try:
        server.wait_ready()
        server.ask("GET", "/users/nobody")
        assert asked_for_nobody(server) == 1
        assert "no room for the counts" in server.log.read_text()
    finally:
        server.stop()


@pytest.mark.slow
def test_workers_count_together_and_a_dead_ones_counts_stay(tmp_path: Path) -> None:
    server = Server(tmp_path, more={"KENAL_WORKERS": "2"})
    try:
        server.wait_ready()
        while len(workers(server)) < 2:
            time.sleep(0.1)
        for _ in range(40):
            server.ask("GET", "/users/nobody")
        for _ in range(6):
            assert asked_for_nobody(server) == 40
        os.kill(workers(server)[0], signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.log.read_text().count("Booting worker") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.wait_ready()
        assert asked_for_nobody(server) == 40
    finally:
        server.stop()


def asked_for_nobody(server: Server) -> float:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    assert text.count("\nkenal_people ") == 1
    return value(samples(text), "http_requests_total", "GET", "/users/{user_id}", "404")


def workers(server: Server) -> list[int]:
    first = server.process.pid
    found = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [int(pid) for pid in found]
