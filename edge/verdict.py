"""What an answer of the server means for an event; pure.

Between a door and its server stand captive portals, proxies and half-configured gateways: only
what names our event counts as an answer about it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edge.backoff import told_seconds

_PASSING = frozenset([408, 425, 429])
_CODE_LENGTH = 64
KEY_WORDS = {
    401: "server.key is not valid",
    403: "server.key is not the key of server.device_id",
}
"""What it means for the device that its key is refused, by status."""
NO_KEYS = "the server asks for no keys (KENAL_AUTH=off) and answers its own machine alone"


class Kind(StrEnum):
    """What to do with the event."""

    TAKEN = "taken"  # done
    REFUSED = "refused"  # never again
    LOCKED_OUT = "locked_out"  # an admin must act; the event waits
    LATER = "later"  # again, after a while


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `json` is empty where the body is no JSON object."""

    status: int
    retry_after: float | None
    json: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> "Reply":
        """Reads header and body; garbage is no JSON."""
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            read = None
        told = told_seconds(headers.get("retry-after"))
        return cls(status, told, read if isinstance(read, dict) else {})

    @property
    def error_code(self) -> str | None:
        """The code of an error in Kenal's shape; None for any other answer."""
        error = self.json.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        is_kenal = isinstance(code, str) and isinstance(self.json.get("request_id"), str)
        return str(code)[:_CODE_LENGTH] if is_kenal else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one attempt. `grant`: the server says open; whether we do is ours to say."""

    kind: Kind
    word: str  # the decision, the error's code, or what went wrong
    status: int = 0
    grant: bool = False
    user_id: str | None = None
    name: str | None = None
    similarity: float | None = None
    retry_after: float | None = None
    is_blamed: bool = False  # the server failed at this very event


def key_word(reply: Reply, request_id: str) -> bool | None:
    """Whether an answer to `request_id` accepts the key; None where it does not tell."""
    if reply.json.get("request_id") != request_id:
        return None  # a portal's or a proxy's 401 is none of our server
    if reply.status in KEY_WORDS:
        return None if reply.error_code is None else False
    return True if reply.status in (200, 201) else None


def refuses_machine(health: Reply) -> bool:
    """Whether the server refuses this machine whatever its key: health is else told to all."""
    return health.status == 403 and health.error_code is not None


def trouble(word: str) -> Verdict:
    """No answer came."""
    return Verdict(Kind.LATER, word)


def judged(reply: Reply, event_id: str, *, is_check_in: bool) -> Verdict:
    """The verdict of an answer to `event_id`, which was also the request's name."""
    if reply.status in (200, 201):
        return _taken(reply, event_id, is_check_in)
    if reply.error_code is None or reply.json["request_id"] != event_id:
        # A gateway's 413 is about this photo, although no answer of Kenal.
        word, is_blamed = f"an answer that is not Kenal's ({reply.status})", reply.status == 413
        return _later(reply, word, is_blamed)
    if reply.status in (401, 403):
        return Verdict(Kind.LOCKED_OUT, reply.error_code, reply.status)
    if reply.status in (404, 405) and not is_check_in:
        return _later(reply, reply.error_code, False)
    if 400 <= reply.status < 500 and reply.status not in _PASSING:
        return Verdict(Kind.REFUSED, reply.error_code, reply.status)
    return _later(reply, reply.error_code, reply.status == 500)


def _taken(reply: Reply, event_id: str, is_check_in: bool) -> Verdict:
    told = reply.json
    decision = told.get("decision")
    name = "event_id" if is_check_in else "request_id"
    if told.get(name) != event_id or not isinstance(decision, str):
        return _later(reply, f"an answer that is not Kenal's ({reply.status})", False)
    opens = told.get("grant") is True and told.get("duplicate") is False
    return Verdict(
        Kind.TAKEN,
        decision[:_CODE_LENGTH],
        reply.status,
        grant=is_check_in and reply.status == 201 and decision == "match" and opens,
        user_id=_text(told.get("user_id")),
        name=_name(told.get("profile")),
        similarity=_similarity(told.get("similarity_score")),
    )


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _name(profile: object) -> str | None:
    return _text(profile.get("name")) if isinstance(profile, dict) else None


def _similarity(told: object) -> float | None:
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return None
    return float(told) if -1 <= told <= 1 else None


def _later(reply: Reply, word: str, is_blamed: bool) -> Verdict:
    return Verdict(
        Kind.LATER, word, reply.status, retry_after=reply.retry_after, is_blamed=is_blamed
    )
