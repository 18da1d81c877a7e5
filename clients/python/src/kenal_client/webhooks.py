"""Webhooks: whether a message comes from Kenal, by the Standard Webhooks specification."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kenal_client.errors import WebhookRefused
from kenal_client.parsing import parse_time

_PREFIX = "whsec_"
_VERSION = "v1"


@dataclass(frozen=True)
class WebhookEvent:
    """A verified message. `id` is the same at every attempt: act on each id once."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    tolerance: float = 300.0,
) -> WebhookEvent:
    """The event in `body`, the bytes as they came; raises WebhookRefused.

    A message whose time is more than `tolerance` seconds from now is refused: somebody may have
    kept it. A secret that is none raises ValueError.
    """
    key = _key(secret)
    found = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at = found.get("webhook-id"), found.get("webhook-timestamp")
    signatures = found.get("webhook-signature")
    if not message_id or not sent_at or not signatures:
        raise WebhookRefused("the headers of a webhook are missing")
    _check_age(sent_at, tolerance)
    signed = f"{message_id}.{sent_at}.".encode() + bytes(body)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not _has(signatures, f"{_VERSION},{expected}"):
        raise WebhookRefused("the signature is not of this body and secret")
    return _event(message_id, body)


def _key(secret: str) -> bytes:
    text = secret[len(_PREFIX) :] if secret.startswith(_PREFIX) else secret
    key = base64.b64decode(text, validate=True)
    if not key:
        raise ValueError("an empty secret")
    return key


def _check_age(sent_at: str, tolerance: float) -> None:
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 18):
        raise WebhookRefused("webhook-timestamp is no time")
    if abs(time.time() - int(sent_at)) > tolerance:
        raise WebhookRefused("the message is too old, or a clock is wrong")


def _has(signatures: str, wanted: str) -> bool:
    # Several, while a secret is changed.
    given = [text.encode() for text in signatures.split(" ")]
    return any(hmac.compare_digest(one, wanted.encode()) for one in given)


def _event(message_id: str, body: bytes) -> WebhookEvent:
    try:
        said = json.loads(body)
        data = said["data"]
        if not isinstance(data, dict):
            raise TypeError
        return WebhookEvent(message_id, str(said["type"]), parse_time(said["timestamp"]), data)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WebhookRefused("the body is no event of Kenal's") from None
