"""Short ways to check people in, for tests."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.kit import body

DOOR = "door-1"


def moment(ago_seconds: float = 0) -> str:
    """The time so long ago, as a device writes it."""
    return (datetime.now(UTC) - timedelta(seconds=ago_seconds)).isoformat()


def add_door(client: FlaskClient, device_id: str = DOOR, direction: str | None = "in") -> str:
    """Register a device; its key."""
    said = {"device_id": device_id, "name": device_id, "direction": direction}
    made = client.post("/devices", json=said)
    assert made.status_code == 201, made.text
    return str(body(made)["key"])


def check_in(
    client: FlaskClient,
    photo: bytes,
    event_id: str | None = None,
    *,
    ago: float = 0,
    captured_at: str | None = None,
    device_id: str | None = DOOR,
    direction: str | None = None,
    key: str | None = None,
    claim: Mapping[str, str] | None = None,
) -> TestResponse:
    """POST /checkins with a raw body."""
    said = {
        "event_id": event_id or str(uuid.uuid4()),
        "captured_at": captured_at or moment(ago),
        "device_id": device_id,
        "direction": direction,
        **(claim or {}),
    }
    query = urlencode({name: value for name, value in said.items() if value is not None})
    headers = {"X-API-Key": key} if key else {}
    return client.post(f"/checkins?{query}", data=photo, content_type="image/png", headers=headers)


def checked_in(client: FlaskClient, photo: bytes, **said: Any) -> dict[str, Any]:
    """The answer of a check-in that was taken."""
    answer = check_in(client, photo, **said)
    assert answer.status_code in (200, 201), answer.text
    return body(answer)


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    """GET /checkins."""
    found = body(client.get(f"/checkins?{query}"))["checkins"]
    assert isinstance(found, list)
    return found
