"""The client takes what Kenal signs, and nothing else."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from kenal_client import WebhookRefused, verify_webhook
from pipeline.webhooks.signing import new_secret, signed_headers

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = json.dumps(
    {"type": "enrolled", "timestamp": "2026-01-05T08:00:00.000Z", "data": {"user_id": "1042"}}
).encode()


def headers(secret: str = SECRET, body: bytes = BODY, ago: int = 0) -> dict[str, str]:
    return signed_headers([secret], "msg_1", int(time.time()) - ago, body)


def test_what_kenal_signs_is_taken() -> None:
    event = verify_webhook(SECRET, headers(), BODY)
    assert (event.id, event.type, event.data) == ("msg_1", "enrolled", {"user_id": "1042"})
    assert event.timestamp == datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_what_the_specification_signs_is_taken() -> None:
    sent = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_2", sent, BODY.decode())
    given = {
        "Webhook-Id": "msg_2",
        "WEBHOOK-TIMESTAMP": str(int(sent.timestamp())),
        "webhook-signature": f"v1a,xx v1,AAAA {signature} nonsense",
    }
    assert verify_webhook(SECRET, given, BODY).id == "msg_2"


def test_one_of_two_secrets_is_enough() -> None:
    both = signed_headers([new_secret(), SECRET], "msg_1", int(time.time()), BODY)
    assert verify_webhook(SECRET, both, BODY).id == "msg_1"


@pytest.mark.parametrize("ago", [-301, 301, 10**9])
def test_an_old_message_is_refused(ago: int) -> None:
    with pytest.raises(WebhookRefused, match="too old"):
        verify_webhook(SECRET, headers(ago=ago), BODY)
    if abs(ago) < 1000:
        assert verify_webhook(SECRET, headers(ago=ago), BODY, tolerance=400)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_9"},
        {"webhook-timestamp": str(int(time.time()) + 100)},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,ÿ"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-id": ""},
    ],
)
def test_changed_headers_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, {**headers(), **change}, BODY)


def test_a_signature_of_another_version_is_refused() -> None:
    signature = headers()["webhook-signature"].replace("v1,", "v2,")
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, {**headers(), "webhook-signature": signature}, BODY)


def test_missing_headers_are_refused() -> None:
    for name in headers():
        given = {key: value for key, value in headers().items() if key != name}
        with pytest.raises(WebhookRefused, match="missing"):
            verify_webhook(SECRET, given, BODY)


def test_a_changed_body_and_another_secret_are_refused() -> None:
    for secret, body in ((SECRET, BODY + b" "), (new_secret(), BODY)):
        with pytest.raises(WebhookRefused, match="signature"):
            verify_webhook(secret, headers(), body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"type":"x","timestamp":1,"data":{}}', b"\xff"]
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused, match="no event"):
        verify_webhook(SECRET, headers(body=body), body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ü", "whsec_!!"])
def test_a_secret_that_is_none_is_a_mistake_of_ours(secret: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        verify_webhook(secret, headers(), BODY)
    assert not isinstance(caught.value, WebhookRefused)
