"""Who asks who somebody is never waits for whoever writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from api import create_app
from core.access import Scope
from tests.api.keys_kit import make_key, sent, with_keys
from tests.api.kit import body
from tests.fakes import fake_settings, make_services, portrait


@pytest.mark.parametrize("url", ["/upload_photo", "/detect", "/embeddings"])
def test_photos_are_answered_while_another_process_writes(tmp_path: Path, url: str) -> None:
    services = make_services(with_keys(fake_settings(tmp_path)))
    services.start()
    client = create_app(services=services).test_client()
    enroller, door = (
        make_key(services.database, scope) for scope in (Scope.ENROLL, Scope.IDENTIFY)
    )
    photo = portrait(5)
    made = client.post(
        "/users/1042/photos", data=photo, content_type="image/png", headers=sent(enroller)
    )
    assert made.status_code == 201
    path = tmp_path / "var" / "kenal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        # Nobody gets this lock within the five seconds after which it is `busy`.
        writer.execute("BEGIN IMMEDIATE")
        headers = {**sent(door), "Idempotency-Key": "one"}
        answer = client.post(url, data=photo, content_type="image/png", headers=headers)
        assert answer.status_code == 200, body(answer)
        writer.execute("ROLLBACK")
    services.close()
