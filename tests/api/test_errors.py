"""One shape for every error, one status for every code, no secret in any of them."""

import logging
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.errors import RETRY_AFTER_SECONDS, STATUSES
from core.errors import Busy, KenalError, RateLimited, StorageFull
from pipeline.bulk_guard import InternalError
from pipeline.services import Services
from tests.api.kit import body, recognize, refused
from tests.fakes import BUG, portrait

DOC = Path(__file__).parents[2] / "docs" / "api.md"


def all_codes(kind: type[KenalError]) -> set[str]:
    return {kind.code}.union(*(all_codes(child) for child in kind.__subclasses__()))


def test_every_code_has_a_status() -> None:
    assert InternalError.code in STATUSES
    assert all_codes(KenalError) == set(STATUSES)


def test_every_code_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOC.read_text(), re.MULTILINE)
    assert {code: int(status) for status, code in rows} == dict(STATUSES)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/static/../wsgi.py", 404, "not_found"),
        ("GET", "/console", 404, "not_found"),
        ("GET", "/users/", 404, "not_found"),
        ("GET", "/upload_photo", 405, "method_not_allowed"),
        ("PUT", "/users", 405, "method_not_allowed"),
        ("DELETE", "/photos", 405, "method_not_allowed"),
        ("BREW", "/users", 405, "method_not_allowed"),
        ("TRACE", "/", 405, "method_not_allowed"),
    ],
)
def test_flasks_own_errors(
    reader: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = reader.open(path, method=method)
    refused(answer, status, code)
    assert ("Allow" in answer.headers) == (status == 405)


def test_head_and_options(reader: FlaskClient) -> None:
    assert reader.head("/healthz").status_code == 200
    answer = reader.options("/users", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("given", ["abc", "A1._:-x", "f" * 128])
def test_a_sane_request_id_is_kept(reader: FlaskClient, given: str) -> None:
    for path in ("/healthz", "/nothing"):
        answer = reader.get(path, headers={"X-Request-ID": given})
        assert body(answer)["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "<b>", "f" * 129, "a\x7f", "-a", "é", '"'])
def test_an_insane_request_id_is_replaced(reader: FlaskClient, given: str) -> None:
    answer = reader.get("/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", body(answer)["request_id"])


def test_a_bug_is_internal_and_logged_without_its_text(
    reader: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        error = refused(recognize(reader, portrait(BUG)), 500, "internal")
    assert "RuntimeError at fakes.py" in caplog.text
    for text in (caplog.text, str(error)):
        assert "secret" not in text
        assert "Traceback" not in text


@pytest.mark.parametrize("error", [Busy("busy"), RateLimited("slow down", 7), StorageFull("full")])
def test_when_to_come_back(services: Services, error: KenalError) -> None:
    app: Flask = create_app(services=services)

    @app.get("/fails")
    def fails() -> str:
        raise error

    answer = app.test_client().get("/fails")
    refused(answer, STATUSES[error.code], error.code)
    expected = error.retry_after_seconds or RETRY_AFTER_SECONDS.get(error.code)
    assert answer.headers.get("Retry-After") == (None if expected is None else str(expected))
