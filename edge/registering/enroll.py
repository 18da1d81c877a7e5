"""Enrolls people on the server; what every answer means is said in words."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from edge.client import Client
from edge.registering.ids import is_same_name
from edge.sections import ServerSettings
from edge.settings_fields import Secret
from edge.verdict import Reply

_TRIES = 3
_LONGEST_PAUSE_S = 10.0
_PASSING = frozenset([401, 403, 404, 405, 408, 425, 429])
_WORDS = {
    "face_conflict": "the server knows another face under this user_id,"
    " or this very picture under another",
    "low_quality": "not good enough for the server",
    "no_face": "the server found no face",
    "multiple_faces": "the server found several faces",
    "face_too_small": "the face is too small for the server",
    "spoof_suspected": "the server takes it for a picture of a picture",
    "too_large": "too large for the server",
    "image_too_large": "too many pixels for the server",
    "image_corrupt": "the server cannot read the picture",
    "invalid_name": "the server does not take this user_id",
    "conflict": "the server knows this user_id in another spelling",
    "unauthorized": "the server does not know register.key",
    "forbidden": "register.key may not enroll: give it the scope enroll",
    "storage_full": "the server's disk is full",
    "rate_limited": "the server asks to wait",
    "busy": "the server is busy",
}


class Kind(StrEnum):
    """What became of a request."""

    DONE = "done"
    OTHER = "other"  # the user_id is somebody else's
    REFUSED = "refused"  # never again
    WAITS = "waits"  # it may work later


@dataclass(frozen=True, slots=True)
class Answer:
    """`text`: why, or a remark."""

    kind: Kind
    text: str = ""
    is_new: bool = False
    retry_after: float | None = None


class Enroller(Client):
    """The server, asked with the key that may enroll."""

    def __init__(
        self,
        server: ServerSettings,
        key: Secret,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Raises OSError where the authority's file cannot be read."""
        super().__init__(replace(server, key=key))
        self._pause = pause

    def person(self, user_id: str, name: str, once: str) -> Answer:
        """Makes the person, or finds one of this name; OTHER where the id is somebody else's."""
        said = {"user_id": user_id, "name": name}
        made = self._patiently("POST", "/users", {"Idempotency-Key": once}, json=said)
        if isinstance(made, Answer):
            return made
        if made.status in (200, 201):
            return _about(made, user_id, Answer(Kind.DONE, is_new=True))
        if made.error_code != "conflict":
            return refused(made)
        return self._found(user_id, name)

    def _found(self, user_id: str, name: str) -> Answer:
        """Whether the person of this user_id has this name."""
        # A change of nothing: an enrolling key may not read.
        found = self._patiently("PATCH", f"/users/{user_id}", {}, json={})
        if isinstance(found, Answer):
            return found
        if found.status == 404 and found.error_code == "not_found":
            return Answer(Kind.OTHER, _WORDS["conflict"])
        if found.status != 200:
            return refused(found)
        known_as = found.json.get("name")
        is_ours = is_same_name(known_as if isinstance(known_as, str) else None, name)
        taken = Answer(Kind.OTHER, "the server knows somebody else under this user_id")
        return _about(found, user_id, Answer(Kind.DONE) if is_ours else taken)

    def photo(self, user_id: str, data: bytes, once: str) -> Answer:
        """Enrolls one picture. The same `once` and picture never give a second face."""
        reply = self._patiently(
            "POST",
            f"/users/{user_id}/photos",
            {"Idempotency-Key": once},
            files={"photo": ("photo", data, "application/octet-stream")},
        )
        if isinstance(reply, Answer):
            return reply
        if reply.status not in (200, 201):
            return refused(reply)
        if reply.json.get("status") != "enrolled":
            return _foreign(reply)
        is_new = reply.json.get("duplicate") is False
        return _about(reply, user_id, Answer(Kind.DONE, _remarks(reply), is_new))

    def _patiently(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        json: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Reply | Answer:
        """Kenal's answer to this very request, asked for a few times where it is busy."""
        answer = Answer(Kind.WAITS)
        for attempt in range(_TRIES):
            if attempt:
                self._pause(min(answer.retry_after or 1.0, _LONGEST_PAUSE_S))
            request_id = str(uuid.uuid4())
            named = {**headers, "X-Request-ID": request_id}
            reply = self._ask(method, path, None, json=json, files=files, headers=named)
            if isinstance(reply, str):
                return Answer(Kind.WAITS, reply)
            if reply.json.get("request_id") != request_id:
                return _foreign(reply)
            if reply.status not in (429, 503):
                return reply
            answer = refused(reply)
        return answer


def refused(reply: Reply) -> Answer:
    """What an error of Kenal means, in words; pure."""
    code = reply.error_code
    if code is None:
        return _foreign(reply)
    words = _WORDS.get(code, f"the server says {code}")
    waits = reply.status in _PASSING or reply.status >= 500 or code == "vanished"
    if not waits and 400 <= reply.status < 500:
        issues = "; ".join(_issues(reply.json["error"]))
        return Answer(Kind.REFUSED, f"{words}: {issues}" if issues else words)
    return Answer(Kind.WAITS, words, retry_after=reply.retry_after)


def _issues(error: Mapping[str, Any]) -> list[str]:
    """What the server says to do about it."""
    details = error.get("details")
    issues = details.get("issues") if isinstance(details, dict) else None
    listed = issues if isinstance(issues, list) else []
    told = [one.get("message") for one in listed if isinstance(one, dict)]
    return [_plain(one) for one in told if isinstance(one, str)]


def _remarks(reply: Reply) -> str:
    """The codes of what the server wonders about; a look-alike above all."""
    warnings = reply.json.get("warnings")
    codes = [
        one.get("code") if isinstance(one, dict) else one
        for one in (warnings if isinstance(warnings, list) else [])
    ]
    if "face_conflict" in codes:
        return "the server knows somebody who looks alike under another user_id"
    return ", ".join(_plain(code) for code in codes if isinstance(code, str))


def _about(reply: Reply, user_id: str, answer: Answer) -> Answer:
    """The answer, where it is about this person."""
    return answer if reply.json.get("user_id") == user_id else _foreign(reply)


def _foreign(reply: Reply) -> Answer:
    return Answer(Kind.WAITS, f"an answer that is not Kenal's ({reply.status})")


def _plain(text: str) -> str:
    return "".join(sign for sign in text[:200] if sign.isprintable())
