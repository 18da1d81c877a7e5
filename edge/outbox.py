"""The queue on the disk: what the server has not answered for survives a power cut.

One process has it open. Every method is one transaction, thread-safe.
"""

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.outbox_file import connected, opened
from edge.salvage import is_damage, put_aside, salvage

log = logging.getLogger("edge.outbox")
BLAMED = 5
"""An event at which the server itself failed so often no longer holds up the others."""
MAX_REFUSED = 1000
_LONGEST_WAIT_SECONDS = 2 * 3600.0  # a later attempt was planned by a clock that was wrong
_NEXT = """SELECT event_id, captured_at, direction, jpeg, claim, next_attempt_at FROM events
WHERE state = 'waiting' AND blamed {} ? AND event_id NOT IN (SELECT value FROM json_each(?))
ORDER BY seq LIMIT 1"""


Claim = tuple[tuple[str, str], ...]
"""What the device decided itself, as options of a check-in."""


@dataclass(frozen=True, slots=True)
class Event:
    """One check-in. Every attempt sends the same."""

    event_id: str
    captured_at: float  # unix seconds
    direction: str  # in, out, or empty: the device's own
    jpeg: bytes
    claim: Claim = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much waits at most."""

    events: int
    bytes: int
    seconds: float


class Outbox:
    """Events in the order in which they happened."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        """Opens or makes the queue in `folder`; one that cannot be read is put aside."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock, self._bounds = threading.Lock(), bounds
        self._place = folder / "outbox.sqlite3"
        self._database = opened(self._place)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def add(self, event: Event) -> int:
        """Keeps the event; how many of the oldest had to go for it."""
        try:
            return self._add(event)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return self._add(event)  # into the queue that was mended

    def _add(self, event: Event) -> int:
        with self._writing() as run:
            run.execute(
                "INSERT INTO events (event_id, captured_at, direction, state, size, jpeg, claim)"
                " VALUES (?, ?, ?, 'waiting', ?, ?, ?)",
                (
                    *(event.event_id, event.captured_at, event.direction),
                    *(len(event.jpeg), event.jpeg, json.dumps(dict(event.claim))),
                ),
            )
            return self._bound(run)

    def next(self, now: float, but: Collection[str] = ()) -> tuple[Event | None, float]:
        """The event to send now, or None and the seconds until one is due (inf: there is none)."""
        others = json.dumps(list(but))
        with self._reading() as run:
            row = (
                run.execute(_NEXT.format("<"), (BLAMED, others)).fetchone()
                or run.execute(_NEXT.format(">="), (BLAMED, others)).fetchone()
            )
        if row is None:
            return None, float("inf")
        wait = float(row[5]) - now
        if 0 < wait <= _LONGEST_WAIT_SECONDS:
            return None, wait
        event_id, captured_at, direction, jpeg, claim, _ = row
        return Event(event_id, captured_at, direction, jpeg, _claim(claim)), 0.0

    def claim(self, event_id: str, claim: Claim) -> None:
        """What the device says of an event that was not sent yet."""
        with self._writing() as run:
            run.execute(
                "UPDATE events SET claim = ? WHERE event_id = ?",
                (json.dumps(dict(claim)), event_id),
            )

    def done(self, event_id: str) -> None:
        """The server has it: the picture is deleted."""
        with self._writing() as run:
            gone = run.execute("DELETE FROM events WHERE event_id = ?", (event_id,))
            _count(run, "sent", gone.rowcount)

    def refuse(self, event_id: str, code: str) -> None:
        """The server will never take it: kept with the code and without its picture."""
        with self._writing() as run:
            put = run.execute(
                "UPDATE events SET state = 'refused', code = ?, jpeg = NULL, size = 0,"
                " attempts = attempts + 1 WHERE event_id = ? AND state = 'waiting'",
                (code, event_id),
            )
            _count(run, "refused", put.rowcount)
            run.execute(
                "DELETE FROM events WHERE state = 'refused' AND seq <= (SELECT seq FROM events"
                " WHERE state = 'refused' ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (MAX_REFUSED,),
            )

    def failed(self, event_id: str, next_attempt_at: float, *, is_blamed: bool) -> None:
        """An attempt failed; `is_blamed` where the server failed at this very event."""
        with self._writing() as run:
            run.execute(
                "UPDATE events SET attempts = attempts + 1, blamed = blamed + ?,"
                " next_attempt_at = ? WHERE event_id = ?",
                (int(is_blamed), next_attempt_at, event_id),
            )

    def attempts(self, event_id: str) -> int:
        """How often the event was tried; 0 where it is not known."""
        with self._reading() as run:
            row = run.execute("SELECT attempts FROM events WHERE event_id = ?", (event_id,))
            return int((row.fetchone() or (0,))[0])

    def retry_now(self) -> None:
        """The server is back: nobody waits any longer, but those it fails at."""
        with self._writing() as run:
            run.execute("UPDATE events SET next_attempt_at = 0 WHERE blamed < ?", (BLAMED,))

    def expire(self, now: float) -> int:
        """Drops what is older than the bound by a clock that is right; how many."""
        with self._writing() as run:
            gone = run.execute(
                "DELETE FROM events WHERE captured_at < ?", (now - self._bounds.seconds,)
            ).rowcount
            _count(run, "dropped", gone)
            return gone

    def waiting(self) -> tuple[int, int]:
        """How many wait, and their bytes."""
        with self._reading() as run:
            return _waiting(run)

    def counts(self) -> dict[str, int]:
        """Since the queue was made: sent, refused, dropped."""
        with self._reading() as run:
            found = dict(run.execute("SELECT name, number FROM counts").fetchall())
        return {name: found.get(name, 0) for name in ("sent", "refused", "dropped")}

    def refused(self) -> list[tuple[str, str]]:
        """Event and code of what the server will never take, oldest first."""
        with self._reading() as run:
            return run.execute(
                "SELECT event_id, code FROM events WHERE state = 'refused' ORDER BY seq"
            ).fetchall()

    def _bound(self, run: sqlite3.Connection) -> int:
        dropped = 0
        number, size = _waiting(run)
        while number > 1 and (number > self._bounds.events or size > self._bounds.bytes):
            seq, bytes_ = run.execute(
                "SELECT seq, size FROM events WHERE state = 'waiting' ORDER BY seq LIMIT 1"
            ).fetchone()
            run.execute("DELETE FROM events WHERE seq = ?", (seq,))
            number, size, dropped = number - 1, size - bytes_, dropped + 1
        _count(run, "dropped", dropped)
        return dropped

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.DatabaseError as error:
                self._mend(error)
                raise

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as run:
            run.execute("BEGIN IMMEDIATE")
            try:
                yield run
                run.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    run.execute("ROLLBACK")
                raise

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """A damaged file is put aside while it is found out: the next attempt is on a sound one."""
        if not is_damage(error):
            return
        self._database.close()
        broken = put_aside(self._place)
        self._database = connected(self._place)
        saved = salvage(broken, self._database)
        log.critical("the queue was damaged: %d events could be saved", saved)


def _claim(text: str) -> Claim:
    try:
        read = json.loads(text)
    except ValueError:  # damaged: the event is worth more than what was decided about it
        read = {}
    return tuple((str(name), str(value)) for name, value in read.items())


def _waiting(run: sqlite3.Connection) -> tuple[int, int]:
    found = run.execute(
        "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM events WHERE state = 'waiting'"
    ).fetchone()
    return int(found[0]), int(found[1])


def _count(run: sqlite3.Connection, name: str, more: int) -> None:
    if more:
        run.execute(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
            " SET number = number + excluded.number",
            (name, more),
        )
