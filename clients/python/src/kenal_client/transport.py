"""Requests sent until they are answered: what is sent again, and when.

What was never sent, and what Kenal says it did not do, is sent again. What got no answer is sent
again only where doing it twice is doing it once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable

import httpx

from kenal_client.errors import ConnectionFailed, KenalError, UnexpectedAnswer, error_of

Json = dict[str, Any]
MAX_PAUSE_SECONDS = 30.0
"""Asked to wait for longer, the error is raised instead: `retry_after` says for how long."""
_FIRST_PAUSE_SECONDS = 0.25
_NOT_NOW = frozenset([429, 503])
_GATEWAYS = frozenset([502, 504])
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)


@dataclass(frozen=True)
class Ask:
    """One request, the same at every attempt.

    `is_repeatable`: done twice it is done once, so a lost answer may be asked for again.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Json | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    photos: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True


class Transport:
    """Asks Kenal; thread-safe, as httpx.Client is."""

    def __init__(
        self,
        http: httpx.Client,
        retries: int,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http, self._retries, self._sleep, self._chance = http, retries, sleep, chance

    def close(self) -> None:
        self._http.close()

    def send(self, ask: Ask) -> Json:
        """The JSON of the answer, empty where there is none; raises KenalError."""
        is_lost = False
        for attempt in range(self._retries + 1):
            try:
                return _read(self._once(ask))
            except KenalError as error:
                if is_lost and ask.method == "DELETE" and error.code == "not_found":
                    return {}  # The attempt whose answer was lost did it.
                pause = self._pause(error, attempt)
                if attempt == self._retries or not _again(error, ask) or pause is None:
                    raise
                is_lost = is_lost or _was_lost(error)
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pages(self, ask: Ask, name: str) -> Iterator[object]:
        """Every row of a listing, a page at a time as they are asked for."""
        while True:
            answer = self.send(ask)
            rows, cursor = answer.get(name), answer.get("next_cursor")
            if not isinstance(rows, list):
                raise UnexpectedAnswer(f"the answer has no {name}")
            yield from rows
            if cursor is None:
                return
            ask = replace(ask, query={**ask.query, "cursor": cursor})

    def _once(self, ask: Ask) -> httpx.Response:
        files = {
            name: ("photo", photo, "application/octet-stream") for name, photo in ask.photos.items()
        }
        try:
            return self._http.request(
                ask.method,
                ask.path,
                params=dict(ask.query) or None,
                json=ask.json,
                data=dict(ask.form) or None,
                files=files or None,
                headers=dict(ask.headers),
            )
        except _UNSENT as error:
            raise _Unsent(f"Kenal cannot be reached: {_words(error)}") from error
        except _LOST as error:
            raise ConnectionFailed(f"no answer came: {_words(error)}") from error
        except httpx.HTTPError as error:
            raise UnexpectedAnswer(f"this cannot be asked there: {_words(error)}") from error

    def _pause(self, error: KenalError, attempt: int) -> float | None:
        """How long to wait, with a part by chance: not all shall return in the same moment."""
        if error.retry_after is None:
            longest = min(_FIRST_PAUSE_SECONDS * 4.0**attempt, MAX_PAUSE_SECONDS)
            return longest * (0.5 + self._chance() / 2)
        if error.retry_after > MAX_PAUSE_SECONDS:
            return None
        return error.retry_after * (1 + self._chance())


class _Unsent(ConnectionFailed):
    """Nothing reached the server."""


def _again(error: KenalError, ask: Ask) -> bool:
    if isinstance(error, _Unsent) or error.status in _NOT_NOW:
        return True
    return ask.is_repeatable and _was_lost(error)


def _was_lost(error: KenalError) -> bool:
    """Whether it may have been done although the answer does not say so."""
    if isinstance(error, _Unsent):
        return False
    return isinstance(error, ConnectionFailed) or error.status in _GATEWAYS


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _read(response: httpx.Response) -> Json:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        body = response.json()
    except ValueError:
        body = None
    if not response.is_success:
        raise error_of(response.status_code, body, retry_after(response.headers))
    if not isinstance(body, dict):
        raise UnexpectedAnswer("the answer is not Kenal's", status=response.status_code)
    return body


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that Retry-After asks for, a number or a date; None where it asks for none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
