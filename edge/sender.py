"""Sends what waits: live events at once, old ones in their order, each until it is answered.

Opens only for a live event, at its first answer, while its frame is fresh by our own clock.
"""

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from edge.entry import Entry, OpenDoor, enter
from edge.facts import Facts
from edge.live import Live
from edge.outbox import BLAMED, Claim, Event, Outbox
from edge.pause import Pause
from edge.types import Visit
from edge.verdict import Kind, Verdict

log = logging.getLogger("edge.sender")
_IDLE_SECONDS = 5.0
_BUSY_SECONDS = 0.05
_STUBBORN_SECONDS = 3600.0


class Asks(Protocol):
    """What the sender needs of the client."""

    def check_in(self, event: Event, within_seconds: float | None = None) -> Verdict:
        """One attempt; raises nothing."""


Answered = Callable[[Event, Verdict, Entry], None]
"""Told of every answer: the event, what became of it, and whether the door was opened."""


class Sender:
    """Two threads beside the camera's: one for who stands at the door, one for what waited."""

    def __init__(
        self,
        outbox: Outbox,
        client: Asks,
        facts: Facts,
        open_door: OpenDoor | None,
        *,
        answered: Answered = lambda *_: None,
        direction: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the one of `Frame.captured_monotonic`; without `open_door` none is opened."""
        self._outbox, self._client, self._facts = outbox, client, facts
        self._open_door, self._answered, self._direction = open_door, answered, direction
        self._clock, self._wall = clock, wall
        self.live, self.pause = Live(clock), Pause(clock)
        self._keeps = True
        self._wake, self._old_wake, self._stop = (threading.Event() for _ in range(3))
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        lanes = ((self.step_live, self._wake), (self.step_old, self._old_wake))
        for step, wake in lanes:
            thread = threading.Thread(target=self._run, args=(step, wake), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = 5.0) -> None:
        """What is being sent may end; the rest waits on the disk."""
        self._stop.set()
        for wake in (self._wake, self._old_wake):
            wake.set()
        for thread in self._threads:
            thread.join(seconds)

    def offer(
        self,
        visit: Visit,
        claim: Claim = (),
        event_id: str | None = None,
        *,
        is_held: bool = False,
    ) -> str:
        """Keeps a visit and sends it as soon as can be; its event_id, a new one if none is given.

        Whoever must know the name before the answer comes gives it. What is held is sent after
        `release`, or after a restart.
        """
        name, jpeg = event_id or str(uuid.uuid4()), visit.crop_jpeg
        event = Event(name, visit.captured_at, self._direction, jpeg, claim)
        # First in memory: the other thread must not take it for an old one in between.
        self.live.put(event, visit.frame.captured_monotonic, is_held=is_held)
        try:
            dropped = self._outbox.add(event)
        except sqlite3.Error as error:
            # A full or dead disk shall not keep the door shut where the server records it;
            # but a lost connection loses this.
            log.critical("an event cannot be kept: %s", type(error).__name__)
            self._keeps = False
        else:
            self._keeps = True
            if dropped:
                log.error("the queue is full: %d of the oldest were dropped", dropped)
        self._wake.set()
        return event.event_id

    def release(self, event_id: str, claim: Claim) -> None:
        """Sends what was held, with this claim; raises nothing."""
        try:
            if self.live.claim(event_id) != claim:
                self._outbox.claim(event_id, claim)
        except sqlite3.Error as error:
            log.critical("a claim cannot be kept: %s", type(error).__name__)
        self.live.release(event_id, claim)
        self._wake.set()

    @property
    def keeps(self) -> bool:
        """Whether the last event could be kept on the disk."""
        return self._keeps

    def server_answers(self) -> None:
        """Somebody else heard from the server: what waits is sent now."""
        if self.pause.answered():
            self._outbox.retry_now()
            self._old_wake.set()

    def step_live(self) -> float:
        """Sends at most one live event; the seconds until the next may be sent."""
        wait = self.pause.seconds(is_live=True)
        if wait > 0:
            return min(wait, _IDLE_SECONDS)
        event, seconds = self.live.next(self._facts.fresh_seconds)
        if event is None:
            return min(seconds, _IDLE_SECONDS)
        self._settle(event, self._client.check_in(event, max(seconds, 1.0)), is_live=True)
        return 0.0

    def step_old(self) -> float:
        """Sends at most one old event; the seconds until the next may be sent."""
        now = self._wall()
        if self._facts.is_clock_right(now, self._clock()):
            expired = self._outbox.expire(now)
            if expired:
                log.error("%d events were too old and were dropped", expired)
        wait = self.pause.seconds(is_live=False)
        if wait > 0:
            return min(wait, _IDLE_SECONDS)
        live = self.live.ids(self._facts.fresh_seconds)
        if live and self.live_is_moving():
            return _BUSY_SECONDS
        event, seconds = self._outbox.next(now, live)
        if event is None:
            return min(seconds, _IDLE_SECONDS)
        self._settle(event, self._client.check_in(event), is_live=False)
        return 0.0

    def live_is_moving(self) -> bool:
        """Whether a live event is being sent: the line is left to it."""
        return self.pause.seconds(is_live=True) == 0

    def _settle(self, event: Event, verdict: Verdict, *, is_live: bool) -> None:
        entry = Entry.SHUT
        if verdict.kind is Kind.TAKEN:
            in_time = self.live.answered(event.event_id, self._facts.fresh_seconds)
            if in_time and is_live and verdict.grant:
                entry = enter(self._open_door)
            self._outbox.done(event.event_id)
            self.server_answers()
        elif verdict.kind is Kind.REFUSED:
            self.live.drop(event.event_id)
            self._outbox.refuse(event.event_id, verdict.word)
            self.server_answers()
        else:
            self._failed(event, verdict, is_live)
        self._answered(event, verdict, entry)

    def _failed(self, event: Event, verdict: Verdict, is_live: bool) -> None:
        if verdict.kind is Kind.LOCKED_OUT:
            self.pause.locked_out(verdict.word)
            log.critical("the server refuses this device: %s", verdict.word)
            seconds = 0.0
        elif verdict.is_blamed and not is_live:
            seconds = self._blame(event)
        else:
            seconds = self.pause.failed(verdict.retry_after)
            log.warning("not sent: %s", verdict.word)
        if is_live:
            self.live.again(event.event_id, verdict.retry_after)
        self._outbox.failed(
            event.event_id,
            self._wall() + seconds,
            is_blamed=verdict.is_blamed and not is_live,
        )

    def _blame(self, event: Event) -> float:
        """The server fails at this event; the others wait for it at first, and then no more."""
        attempts = self._outbox.attempts(event.event_id)
        log.error("the server fails at an event, attempt %d", attempts + 1)
        if attempts < BLAMED:
            return self.pause.failed(None)
        return float(min(2.0 ** min(attempts, 12), _STUBBORN_SECONDS))

    def _run(self, step: Callable[[], float], wake: threading.Event) -> None:
        while not self._stop.is_set():
            wake.clear()
            try:
                pause = step()
            except Exception as error:  # noqa: BLE001 - nothing may end the sending
                log.critical("sending failed: %s", type(error).__name__)
                pause = 1.0
            wake.wait(pause)
