"""Says every 30 seconds how the device is, and learns the server's time and rules."""

import logging
import math
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from edge.client import rfc3339
from edge.facts import Facts
from edge.verdict import KEY_WORDS, Reply, key_word

VERSION = "0.1.0"
SKEW_ALARM_SECONDS = 2.0
log = logging.getLogger("edge.heartbeat")
_SECONDS = 30.0


class Beats(Protocol):
    """What the heartbeat needs of the client."""

    def heartbeat(self, body: Mapping[str, Any], request_id: str) -> Reply | str:
        """The answer, or why there is none."""


@dataclass(frozen=True, slots=True)
class Told:
    """A heartbeat's answer. `skew_seconds`: our clock minus the server's."""

    skew_seconds: float
    fresh_seconds: float
    again_seconds: float
    is_active: bool


def told_of(reply: Reply, request_id: str, sent_at: float, seconds: float) -> Told | None:
    """What a reply says, sent at `sent_at` by our clock and `seconds` on its way; pure."""
    told = reply.json
    fresh, again = _number(told.get("fresh_seconds")), _number(told.get("heartbeat_seconds"))
    if reply.status != 200 or told.get("request_id") != request_id:
        return None
    if fresh is None or again is None:
        return None
    try:
        server = datetime.fromisoformat(str(told.get("server_time"))).timestamp()
    except (ValueError, OverflowError):
        return None
    skew = sent_at + seconds / 2 - server
    again = min(max(again, 5.0), 300.0)
    return Told(skew, max(fresh, 0.0), again, told.get("active") is True)


class Heartbeat:
    """A thread that beats until it is stopped."""

    def __init__(
        self,
        client: Beats,
        facts: Facts,
        queue_length: Callable[[], int],
        answered: Callable[[], None],
        *,
        active: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`answered` is called when the server answered; `active` with whether we may open."""
        self._client, self._facts, self._queue_length = client, facts, queue_length
        self._answered, self._active, self._clock, self._wall = answered, active, clock, wall
        self.is_answered = False  # the last one was
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.problem: str | None = "not heard of the server yet"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def beat(self) -> float:
        """One heartbeat; the seconds until the next."""
        request_id, sent_at, began = str(uuid.uuid4()), self._wall(), self._clock()
        body = {
            "clock": rfc3339(sent_at),
            "version": VERSION,
            "queue_length": self._queue_length(),
        }
        reply = self._client.heartbeat(body, request_id)
        if isinstance(reply, str):
            return self._failed(reply)
        now = self._clock()
        told = told_of(reply, request_id, sent_at, now - began)
        if told is None:
            return self._failed(_why(reply, request_id))
        self._facts.learn(told.fresh_seconds, told.skew_seconds, sent_at + now - began, now)
        self._active(told.is_active)
        self.is_answered = True
        self._say(None if told.is_active else "an admin switched this device off")
        if abs(told.skew_seconds) > SKEW_ALARM_SECONDS:
            log.error("the clock is off by %.1f s: nothing may open", told.skew_seconds)
        self._answered()
        return told.again_seconds

    def _failed(self, word: str) -> float:
        self.is_answered = False
        self._say(word)
        return _SECONDS

    def _say(self, problem: str | None) -> None:
        if problem != self.problem:
            log.log(logging.WARNING if problem else logging.INFO, "server: %s", problem or "ok")
        self.problem = problem

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self.beat()
            except Exception as error:  # noqa: BLE001 - nothing may end the heartbeats
                log.critical("the heartbeat failed: %s", type(error).__name__)
                pause = _SECONDS
            self._stop.wait(pause)


def _why(reply: Reply, request_id: str) -> str:
    """Why a reply is no heartbeat's; a key that is refused is not a server that is away."""
    if key_word(reply, request_id) is False:
        return f"the key is refused: {KEY_WORDS[reply.status]}"
    is_ours = reply.json.get("request_id") == request_id
    return (is_ours and reply.error_code) or "an answer that is not Kenal's"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
