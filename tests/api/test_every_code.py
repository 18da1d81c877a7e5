"""Every cell of the table of errors, over real HTTP: its status, its code, the one shape."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.errors import STATUSES
from core.access import Scope
from tests.api.keys_kit import sent
from tests.api.test_server import Server
from tests.fakes import HOPELESS, NOT_A_NUMBER, group, nobody, portrait
from tests.faults.test_greedy_keys import keys_of
from tests.images_made import png_bomb

IMAGE = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}

ELSEWHERE = {
    "busy": "tests/integration/test_busy.py, over HTTP",
    "not_ready": "tests/api/test_real_networks.py and test_health.py",
    "model_unavailable": "tests/api/test_health.py: a service without its networks",
    "storage_full": "tests/faults/test_webhook_kills.py: a disk that is full",
    "vanished": "tests/unit/test_converter.py: a race that HTTP alone cannot win",
    "spoof_suspected": "nothing says it yet",
    "not_regular_file": "the ledger's own",
    "unreadable": "the ledger's own",
    "internal": "tests/api/test_errors.py: a bug that is put there",
}
"""Codes that a request alone cannot bring about, and where they are seen instead."""


@dataclass(frozen=True)
class Asked:
    """A request, after `before` was sent and answered."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] | None = None
    before: "Asked | None" = None


def posted(person: int, path: str = "/upload_photo") -> Asked:
    return Asked("POST", path, portrait(person), IMAGE)


def told(user_id: str, key: str, before: Asked | None = None) -> Asked:
    body = json.dumps({"user_id": user_id}).encode()
    return Asked("POST", "/users", body, {**JSON, "Idempotency-Key": key}, before)


CASES: dict[str, Asked] = {
    "missing_file": Asked("POST", "/upload_photo"),
    "empty_file": Asked("POST", "/upload_photo", b"", IMAGE),
    "bad_json": Asked("POST", "/users", b"{", JSON),
    "invalid_parameter": Asked("POST", "/upload_photo?limit=0", portrait(5), IMAGE),
    "invalid_name": Asked("GET", "/users/%2e%2e"),
    "not_found": Asked("GET", "/users/nobody"),
    "method_not_allowed": Asked("PUT", "/upload_photo", portrait(5), IMAGE),
    "conflict": told("ada", "second", told("ada", "first")),
    "idempotency_conflict": told("eve", "once", told("ben", "once")),
    "face_conflict": Asked(
        "POST", "/users/ida/photos", portrait(7), IMAGE, posted(6, "/users/ida/photos")
    ),
    "network_not_served": Asked(
        "GET",
        "/devices/door-1/gallery?network=unknown",
        before=Asked(
            "POST",
            "/devices",
            b'{"device_id": "door-1", "name": "Door", "holds_gallery": true}',
            JSON,
        ),
    ),
    "too_large": Asked("POST", "/upload_photo", bytes(1_000_001), IMAGE),
    "image_too_large": Asked("POST", "/upload_photo", png_bomb(30_000, 30_000), IMAGE),
    "unsupported_media_type": Asked("POST", "/upload_photo", b"x", {"Content-Type": "text/plain"}),
    "unsupported_image": Asked("POST", "/upload_photo", b"%PDF-1.7 no photo", IMAGE),
    "image_corrupt": Asked("POST", "/upload_photo", portrait(5)[:-20], IMAGE),
    "no_face": Asked("POST", "/upload_photo", nobody(), IMAGE),
    "multiple_faces": Asked("POST", "/users/two/photos", group([5, 6], [60, 60]), IMAGE),
    "face_too_small": Asked("POST", "/upload_photo", group([5], [20]), IMAGE),
    "low_quality": Asked("POST", "/users/dim/photos", portrait(HOPELESS), IMAGE),
    "not_fresh": posted(5, "/stream/frames?captured_at=2026-01-05T08:00:00Z"),
    "model_error": Asked("POST", "/upload_photo", portrait(NOT_A_NUMBER), IMAGE),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(tmp_path_factory.mktemp("open"), {})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server that asks for keys, and one that may only identify, twice an hour."""
    folder = tmp_path_factory.mktemp("guarded")
    for server in running(folder, {"KENAL_AUTH": "required", "KENAL_RATE_LIMIT": "2/hour"}):
        [key] = keys_of(folder, 1)
        yield server, key


def running(folder: Path, more: dict[str, str]) -> Iterator[Server]:
    server = Server(folder, more=more)
    server.wait_ready()
    yield server
    server.stop()


def ask(server: Server, asked: Asked) -> tuple[int, str, object]:
    """Status, code and details of a refusal, after what holds for all of them."""
    if asked.before is not None:
        assert server.ask(*flat(asked.before))[0] in (200, 201)
    status, said = server.ask(*flat(asked))
    assert set(said) == {"error", "request_id"}
    assert set(said["error"]) == {"code", "message", "details"}
    return status, said["error"]["code"], said["error"]["details"]


def flat(asked: Asked) -> tuple[str, str, bytes | None, dict[str, str] | None]:
    return asked.method, asked.path, asked.body, asked.headers


@pytest.mark.parametrize("code", CASES)
def test_a_refusal_has_its_code_and_status(server: Server, code: str) -> None:
    assert ask(server, CASES[code])[:2] == (STATUSES[code], code)


def test_keys_have_theirs(guarded: tuple[Server, str]) -> None:
    server, key = guarded

    def asked(headers: dict[str, str]) -> tuple[int, str, object]:
        return ask(server, Asked("GET", "/users", None, headers))

    assert asked({})[:2] == (401, "unauthorized")
    assert asked(sent(key)) == (403, "forbidden", {"scopes": [Scope.READ]})
    assert asked(sent(key))[:2] == (403, "forbidden")
    assert asked(sent(key))[:2] == (429, "rate_limited")


def test_no_code_is_left_out() -> None:
    of_keys = {"unauthorized", "forbidden", "rate_limited"}
    assert set(CASES) | of_keys | set(ELSEWHERE) == set(STATUSES)
