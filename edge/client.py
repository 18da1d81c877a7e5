"""Asks the server over HTTP. TLS is always verified and redirects are never followed."""

import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from edge.outbox import Event
from edge.sections import ServerSettings
from edge.verdict import (
    NO_KEYS,
    Kind,
    Reply,
    Verdict,
    judged,
    key_word,
    refuses_machine,
    trouble,
)

_MAX_ANSWER_BYTES = 1 << 20
_LACKING_SECONDS = 600.0


class Client:
    """One server, one device; thread-safe."""

    def __init__(
        self, server: ServerSettings, key_heard: Callable[[bool, float], None] = lambda *_: None
    ) -> None:
        """Raises OSError where the authority's file cannot be read; connects to nobody yet.

        `key_heard` is told whether the key was accepted when the server was asked at that
        monotonic time.
        """
        self._server, self._key_heard = server, key_heard
        self._http = http_of(server)
        self._lacking_until = 0.0

    def close(self) -> None:
        self._http.close()

    def check_in(self, event: Event, within_seconds: float | None = None) -> Verdict:
        """Sends the event once; what became of it. Raises nothing."""
        if time.monotonic() < self._lacking_until:
            return self._recognize(event, within_seconds)
        said = {"event_id": event.event_id, "captured_at": rfc3339(event.captured_at)}
        said["device_id"] = self._server.device_id
        if event.direction:
            said["direction"] = event.direction
        said.update(event.claim)
        verdict = self._send("/checkins", said, event, within_seconds)
        if verdict.status != 404 or verdict.kind is Kind.LATER:
            return verdict
        if not self._lacks_checkins():
            return Verdict(Kind.LOCKED_OUT, "the server does not know this device", 404)
        self._lacking_until = time.monotonic() + _LACKING_SECONDS
        return self._recognize(event, within_seconds)

    def heartbeat(self, body: Mapping[str, Any], request_id: str) -> Reply | str:
        """The answer to a heartbeat, or in words why there is none."""
        path = f"/devices/{self._server.device_id}/heartbeat"
        return self._ask_as(request_id, path, None, json=body)

    def health(self) -> Reply | str:
        """Whether something answers at all."""
        return self._ask("GET", "/healthz", None)

    def _recognize(self, event: Event, within_seconds: float | None) -> Verdict:
        return self._send("/upload_photo", {}, event, within_seconds)

    def _send(
        self, path: str, said: Mapping[str, str], event: Event, within_seconds: float | None
    ) -> Verdict:
        files = {"photo": ("photo.jpg", event.jpeg, "image/jpeg")}
        reply = self._ask_as(event.event_id, path, within_seconds, data=said, files=files)
        if isinstance(reply, str):
            return trouble(reply)
        return judged(reply, event.event_id, is_check_in=path == "/checkins")

    def _lacks_checkins(self) -> bool:
        """Whether 404 meant the address; a device that nobody registered is another matter."""
        reply = self._ask("GET", "/checkins", None)
        return not isinstance(reply, str) and reply.status == 404 and reply.error_code is not None

    def _refuses_machine(self) -> bool:
        """Whether the server refuses whatever this machine asks, with any key."""
        reply = self.health()
        return not isinstance(reply, str) and refuses_machine(reply)

    def _ask_as(
        self,
        request_id: str,
        path: str,
        within_seconds: float | None,
        *,
        json: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Reply | str:
        """As `_ask`; what the answer says of the key is heard."""
        asked_at, headers = time.monotonic(), {"X-Request-ID": request_id}
        reply = self._ask(
            "POST", path, within_seconds, json=json, data=data, files=files, headers=headers
        )
        if isinstance(reply, str):
            return reply
        is_accepted = key_word(reply, request_id)
        if is_accepted is False and reply.status == 403 and self._refuses_machine():
            return NO_KEYS  # it looked at no key
        if is_accepted is not None:
            self._key_heard(is_accepted, asked_at)
        return reply

    def _ask(
        self,
        method: str,
        path: str,
        within_seconds: float | None,
        *,
        json: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply | str:
        """The whole answer in time, or in words why there is none; no word holds an address."""
        seconds = min(self._server.timeout_seconds, within_seconds or float("inf"))
        until = time.monotonic() + seconds
        try:
            with self._http.stream(
                method,
                path,
                json=json,
                data=data,
                files=files,
                headers=headers,
                timeout=seconds,
            ) as response:
                return whole(response, until, _MAX_ANSWER_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return words_of(error)


def rfc3339(moment: float) -> str:
    """The same text for the same moment, always."""
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def http_of(server: ServerSettings) -> httpx.Client:
    """Connections to this server; raises OSError, and connects to nobody yet."""
    key = server.key.text
    return httpx.Client(
        base_url=server.url,
        headers={"X-API-Key": key} if key else {},
        timeout=server.timeout_seconds,
        verify=trusted(server),
        follow_redirects=False,
        trust_env=False,
        # Shorter than the server's: it shall not close a connection as we write to it.
        limits=httpx.Limits(keepalive_expiry=3.0),
    )


def whole(response: httpx.Response, until: float, most_bytes: int) -> Reply | str:
    """The answer, read to its end by the monotonic time `until`; else that it does not end."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > most_bytes or time.monotonic() > until:
            return "the answer does not end"
    return Reply.of(response.status_code, response.headers, bytes(body))


def trusted(server: ServerSettings) -> ssl.SSLContext:
    """Whom to believe to be the server; raises OSError."""
    context = ssl.create_default_context()
    if server.ca_file is not None:
        context.load_verify_locations(server.ca_file)
    return context


def words_of(error: Exception) -> str:
    """Why no answer came, without an address."""
    text = str(error)
    if "CERTIFICATE" in text:
        return "the server's certificate cannot be trusted"
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return "the server cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "the server did not answer in time"
    return f"no answer came ({type(error).__name__})"
