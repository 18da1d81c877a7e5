"""/readyz: the queue, webhooks, and the room on the disk."""

import shutil
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient

from db import deliveries
from db.deliveries import Message
from pipeline.services import Services
from pipeline.turns import Turns
from tests.api.kit import body
from tests.webhook_rows import webhook


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_queue_is_said(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = body(client.get("/readyz"))["checks"]["queue"]
    settings = services.settings
    assert queue == {
        "status": "ready",
        "waiting": 0,
        "queue": settings.queue,
        "at_once": settings.working_photos,
    }
    monkeypatch.setattr(Turns, "waiting", property(lambda _: settings.queue))
    answer = client.get("/readyz")
    queue = body(answer)["checks"]["queue"]
    assert (answer.status_code, queue["status"], queue["waiting"]) == (
        200,
        "degraded",
        settings.queue,
    )


def test_deliveries_that_nobody_sends_are_said(client: FlaskClient, services: Services) -> None:
    assert body(client.get("/readyz"))["checks"]["webhooks"]["overdue_seconds"] == 0
    due = datetime.now(UTC) - timedelta(minutes=6)
    with services.database.write() as session:
        hooks = [webhook(session, active=True), webhook(session, active=False)]
        # One that waits for its time, and those of a webhook that nothing is sent to, are no fault.
        message = Message("m", "user.created", "{}", None)
        for row in deliveries.add(session, hooks, message):
            row.next_attempt_at = due if row.webhook_id == hooks[1] else due + timedelta(hours=1)
    assert body(client.get("/readyz"))["checks"]["webhooks"]["status"] == "ready"
    with services.database.write() as session:
        for row in deliveries.add(session, hooks[:1], message):
            row.next_attempt_at = due
    found = body(client.get("/readyz"))["checks"]["webhooks"]
    assert (found["status"], found["overdue_seconds"] // 60) == ("degraded", 6)


def test_little_room_on_the_disk(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = body(client.get("/readyz"))["checks"]["disk"]
    assert disk["data_free_mb"] > 0
    assert disk["photos_free_mb"] > 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**8))
    answer = client.get("/readyz")
    disk = body(answer)["checks"]["disk"]
    assert (answer.status_code, disk["status"], disk["data_free_mb"]) == (200, "degraded", 100)
