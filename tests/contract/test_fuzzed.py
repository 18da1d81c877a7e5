"""schemathesis against the running server: no 5xx, and no answer that the contract does not name.

Every second request names things that are there, and carries a real photo: made-up ones alone
would hardly ever get beyond the door. The same requests in every run.
"""

import warnings
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.test_server import Server
from tests.fakes import portrait

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
PERSON, DEVICE, EVENT = "1042", "gate-1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that knows a person, a device, an event and a webhook."""
    server = Server(tmp_path_factory.mktemp("fuzzed"))
    url = f"http://127.0.0.1:{server.port}"
    try:
        server.wait_ready()
        _furnish(url)
        yield url
    finally:
        server.process.terminate()
        server.process.wait(timeout=60)


def _furnish(url: str) -> None:
    raw = {"Content-Type": "image/png"}
    asked = [
        httpx.post(f"{url}/users/{PERSON}/photos", content=portrait(5), headers=raw),
        httpx.post(f"{url}/devices", json={"device_id": DEVICE, "name": "Gate"}),
        httpx.post(
            f"{url}/checkins",
            params={
                "event_id": EVENT,
                "device_id": DEVICE,
                "captured_at": "2026-01-05T08:00:00Z",
            },
            content=portrait(5, 1),
            headers=raw,
        ),
        httpx.post(
            f"{url}/webhooks", json={"url": "https://93.184.216.34/", "events": ["deleted"]}
        ),
    ]
    assert [answer.status_code for answer in asked] == [201] * len(asked), asked[-1].text
    # What makes the requests with real photos worth while.
    recognized = httpx.post(f"{url}/upload_photo", content=portrait(5, 2), headers=raw)
    assert recognized.json()["decision"] == "match"


def test_no_fault_and_no_undocumented_answer(url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        wrong = {op.label: problem for op in operations if (problem := _fuzzed(op))}
    assert len(operations) > 40
    assert wrong == {}


def _fuzzed(operation: "schemathesis.schemas.APIOperation[Any, Any, Any, Any]") -> str | None:
    """What was wrong with an answer of the operation, if anything was."""
    number = count()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy())
    def ask(case: "Case[Any]") -> None:
        if next(number) % 2:
            _make_real(case)
        case.call_and_validate(checks=CHECKS)

    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return str(error)[:2000]
    return None


def _make_real(case: "Case[Any]") -> None:
    known = {"user_id": PERSON, "device_id": DEVICE, "event_id": EVENT}
    numbers = ("photo_id", "face_id", "webhook_id", "delivery_id")
    for name in case.path_parameters or {}:
        if name in known or name in numbers:
            case.path_parameters[name] = known.get(name, "1")
    if case.media_type and case.media_type.startswith("image/"):
        case.body = portrait(5, 2)
