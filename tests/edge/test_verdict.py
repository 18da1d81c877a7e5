"""What answers mean: only what names our event counts."""

import json
from typing import Any

import pytest

from edge.backoff import MAX_SECONDS, delay, told_seconds
from edge.verdict import Kind, Reply, Verdict, judged

EVENT = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a"
TAKEN = {
    "request_id": EVENT,
    "event_id": EVENT,
    "decision": "match",
    "user_id": "1042",
    "grant": True,
    "duplicate": False,
}


def verdict(status: int, body: Any, is_check_in: bool = True, **headers: str) -> Verdict:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {name.replace("_", "-"): text for name, text in headers.items()}
    return judged(Reply.of(status, said, data), EVENT, is_check_in=is_check_in)


def error(code: str, request_id: str = EVENT) -> dict[str, Any]:
    return {"error": {"code": code, "message": "…", "details": {}}, "request_id": request_id}


def test_a_grant_is_of_a_new_event_that_matched() -> None:
    assert verdict(201, TAKEN) == Verdict(Kind.TAKEN, "match", 201, grant=True, user_id="1042")


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (200, {}),
        (201, {"grant": False}),
        (201, {"grant": 1}),
        (201, {"grant": "true"}),
        (201, {"duplicate": True}),
        (201, {"duplicate": None}),
        (201, {"decision": "no_match"}),
        (201, {"decision": "ambiguous"}),
    ],
)
def test_anything_less_is_taken_without_a_grant(status: int, more: dict[str, Any]) -> None:
    told = verdict(status, {**TAKEN, **more})
    assert (told.kind, told.grant) == (Kind.TAKEN, False)


@pytest.mark.parametrize("status", [200, 201, 204, 302, 401, 403, 404, 409, 422, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome to the hotel</html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        [TAKEN],
        "match",
        {**TAKEN, "event_id": "another", "request_id": "another"},
        {"error": "no", "request_id": EVENT},
        {"error": {"code": 7}, "request_id": EVENT},
        error("no_face", "another"),
        {"error": {"code": "no_face"}},
    ],
)
def test_what_does_not_name_our_event_is_no_answer(status: int, body: Any) -> None:
    told = verdict(status, body)
    assert (told.kind, told.grant) == (Kind.LATER, False)


@pytest.mark.parametrize("status", [202, 203, 204, 206, 301, 302, 307, 308])
def test_other_statuses_never_count(status: int) -> None:
    assert verdict(status, TAKEN).kind is Kind.LATER


@pytest.mark.parametrize(
    ("status", "code", "kind", "is_blamed"),
    [
        (400, "invalid_parameter", Kind.REFUSED, False),
        (409, "idempotency_conflict", Kind.REFUSED, False),
        (413, "too_large", Kind.REFUSED, False),
        (422, "no_face", Kind.REFUSED, False),
        (401, "unauthorized", Kind.LOCKED_OUT, False),
        (403, "forbidden", Kind.LOCKED_OUT, False),
        (408, "timeout", Kind.LATER, False),
        (429, "rate_limited", Kind.LATER, False),
        (500, "internal_error", Kind.LATER, True),
        (503, "busy", Kind.LATER, False),
        (507, "storage_full", Kind.LATER, False),
    ],
)
def test_errors(status: int, code: str, kind: Kind, is_blamed: bool) -> None:
    told = verdict(status, error(code))
    assert (told.kind, told.word, told.is_blamed, told.grant) == (kind, code, is_blamed, False)


def test_a_gateway_that_finds_the_photo_too_large_is_about_this_event() -> None:
    told = verdict(413, b"<html>Request Entity Too Large</html>")
    assert (told.kind, told.is_blamed) == (Kind.LATER, True)


def test_a_server_without_checkins_never_grants() -> None:
    told = verdict(200, {**TAKEN, "event_id": None}, is_check_in=False)
    assert (told.kind, told.word, told.grant) == (Kind.TAKEN, "match", False)
    assert verdict(201, TAKEN, is_check_in=False).grant is False
    assert verdict(404, error("not_found"), is_check_in=False).kind is Kind.LATER


def test_the_server_says_when_to_come_again() -> None:
    assert verdict(503, error("busy"), retry_after="7").retry_after == 7
    assert verdict(503, b"", retry_after="7").retry_after == 7


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), (" 7 ", 7.0), ("9" * 400, 3600.0), ("-1", None), ("1.5", None), (None, None)],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert told_seconds(header) == seconds


def test_a_date_is_not_heeded() -> None:
    assert told_seconds("Wed, 21 Oct 2026 07:28:00 GMT") is None


def test_waits_grow_up_to_a_bound_and_are_spread() -> None:
    assert [delay(failures, 0.999999) for failures in (1, 2, 3)] == pytest.approx([1, 2, 4], 1e-3)
    assert delay(10_000, 0.999999) == pytest.approx(MAX_SECONDS, 1e-3)
    assert delay(3, 0.0) == 2.0


def test_nobody_comes_before_the_told_time() -> None:
    assert delay(1, 0.0, 30) == 30
    assert 30 < delay(1, 0.9, 30) < 40
    assert delay(1, 0.0, 1e9) == 3600
