"""The log of the API: a line for every request, which says nothing of what was asked."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from core.access import Scope
from core.logs import LineFormatter, log_fields, name_request
from pipeline.services import Services
from tests.api.keys_kit import id_of, make_key, sent, with_keys
from tests.api.kit import Json, enroll, post_form, recognize
from tests.fakes import fake_settings, make_services, portrait


class Log:
    """What would be written, as text or as JSON."""

    def __init__(self, as_json: bool) -> None:
        self._stream = StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(LineFormatter(as_json))

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def answered(self) -> list[Json]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["logger"] == "api.access_log"]


@pytest.fixture(params=[True, False], ids=["json", "text"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    yield from _log(request.param)


@pytest.fixture
def lines() -> Iterator[Log]:
    """As JSON."""
    yield from _log(True)


def _log(as_json: bool) -> Iterator[Log]:
    log, root = Log(as_json), logging.getLogger()
    level = root.level
    root.addHandler(log.handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(log.handler)
    root.setLevel(level)


def test_a_line_for_every_request(client: FlaskClient, lines: Log) -> None:
    enroll(client, "1042", portrait(5))
    answer = recognize(client, portrait(5), "user_id=1042")
    (enrolled, found) = lines.answered
    assert enrolled["rule"] == "/users/{user_id}/photos"
    assert found["ms"] >= 0
    expected = {
        "level": "INFO",
        "method": "POST",
        "rule": "/upload_photo",
        "status": 200,
        "bytes_in": len(portrait(5)),
        "request_id": answer.headers["X-Request-ID"],
        "key": "local",
    }
    assert {name: found[name] for name in expected} == expected
    assert "code" not in found


def test_a_refusal_with_its_code(client: FlaskClient, lines: Log) -> None:
    recognize(client, b"no photo")
    client.get("/users/nobody")
    client.get("/no/such/address")
    client.delete("/healthz")
    assert [(line["rule"], line["status"], line["code"]) for line in lines.answered] == [
        ("/upload_photo", 415, "unsupported_image"),
        ("/users/{user_id}", 404, "not_found"),
        ("unknown", 404, "not_found"),
        ("unknown", 405, "method_not_allowed"),
    ]


def test_a_bug_is_logged_under_its_request(services: Services, lines: Log) -> None:
    app = create_app(services=services)

    def broken() -> str:
        raise RuntimeError("secret text")

    app.add_url_rule("/broken", view_func=broken)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    own = [json.loads(line) for line in lines.text.splitlines()]
    errors = [line for line in own if line["level"] == "ERROR"]
    assert [line["request_id"] for line in errors] == [answer.headers["X-Request-ID"]]
    assert "secret text" not in lines.text
    assert [line["code"] for line in lines.answered] == ["internal"]
    logging.getLogger("other").info("after the request")
    assert "request_id" not in lines.text.splitlines()[-1]


def test_what_machines_ask_is_quiet(client: FlaskClient, lines: Log) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/users"):
        client.get(path)
    assert [line["level"] for line in lines.answered] == ["DEBUG", "DEBUG", "DEBUG", "INFO"]


def test_a_key_is_named_and_never_shown(tmp_path: Path, lines: Log) -> None:
    services = make_services(with_keys(fake_settings(tmp_path)))
    client = create_app(services=services).test_client()
    key = make_key(services.database, Scope.READ, name='front "desk" x=1')
    client.get("/users", headers=sent(key))
    client.get("/users", headers=sent(key + "x"))
    client.get("/users")
    first, second, third = lines.answered
    assert (first["key"], first["key_name"]) == (id_of(key), 'front "desk" x=1')
    assert {"key", "key_name"}.isdisjoint({*second, *third})
    assert key.split("_", 2)[2] not in lines.text
    services.close()


@pytest.mark.parametrize("mark", ["\n", "\r\n2026-01-01 ERROR forged", "\x1b[2J", "\u2028", "\x00"])
def test_nothing_of_a_request_is_in_the_log(client: FlaskClient, log: Log, mark: str) -> None:
    before = log.text
    secret = f"secret{mark}secret"
    client.get(f"/users/{secret}", query_string={secret: secret})
    client.get("/users", query_string={"cursor": secret})
    client.get("/healthz", headers={"X-Request-ID": "secret it", "User-Agent": "secret"})
    client.post("/users", json={"user_id": secret, "name": secret, secret: secret})
    post_form(client, "/upload_photo", portrait(5), name=secret)
    client.open("/users", method="SECRET")
    written = log.text[len(before) :]
    assert "secret" not in written.lower()
    assert "forged" not in written
    assert len([line for line in written.splitlines() if "answered" in line]) == 6


def test_a_text_line_ends_where_it_ends(log: Log) -> None:
    logger = logging.getLogger("test")
    name_request("one")
    log_fields(logger, logging.INFO, "said\nso", {"name": 'x" status=200\nforged', "empty": ""})
    name_request(None)
    assert len(log.text.splitlines()) == 1
    if not log.text.startswith("{"):
        assert 'empty="" request_id=one' in log.text
        assert r'name="x\" status=200\nforged"' in log.text
