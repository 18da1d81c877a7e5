"""What is written down beside a request: it neither delays nor fails it.

A thread writes, in one transaction what came in meanwhile, and ends when nothing is left. Where
the database is busy or cannot be written, the notes are given up: a refused act then stands in
the log, a key's use is noted later.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.access import Caller
from core.logs import describe
from db import audit, keys
from db.session import Database, Session

_log = logging.getLogger(__name__)
_USE_EVERY = timedelta(minutes=10)
_MOST_WAITING = 1000
_MOST_REFUSED = 1000
"""So many refusals of a key are noted in an hour: it could fill the disk with more."""
_REFUSED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Used:
    key_id: str
    at: datetime

    def write(self, session: Session) -> None:
        keys.note_use(session, self.key_id, self.at)

    def give_up(self) -> None:
        """Nothing: it is noted when the key is used again."""


@dataclass(frozen=True, slots=True)
class _Refused:
    caller: Caller
    action: str
    request_id: str
    at: datetime

    def write(self, session: Session) -> None:
        audit.note(
            session,
            self.caller,
            self.action,
            None,
            outcome="forbidden",
            request_id=self.request_id,
            at=self.at,
        )

    def give_up(self) -> None:
        _log.warning(
            "%s: forbidden, and not in the audit: %s by %s",
            self.request_id,
            self.action,
            self.caller.id,
        )


class Notes:
    """Takes notes and returns at once; for any number of threads of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: list[_Used | _Refused] = []
        self._is_writing = False
        self._use_tried: dict[str, datetime] = {}
        self._refused: Counter[str] = Counter()
        self._refused_until = float("-inf")

    def key_used(self, key_id: str, last_used_at: datetime | None, now: datetime) -> None:
        """Note the use of a valid key, unless that was done or tried in the last ten minutes."""
        if last_used_at is not None and now - last_used_at < _USE_EVERY:
            return
        with self._lock:
            tried = self._use_tried.get(key_id)
            if tried is not None and now - tried < _USE_EVERY:
                return
            self._use_tried[key_id] = now
        self._add(_Used(key_id, now))

    def refused(self, caller: Caller, action: str, request_id: str) -> None:
        """Note for the audit that `caller` tried what it may not, unless that fills it."""
        count = self._count_refused(caller.id)
        if count <= _MOST_REFUSED:
            self._add(_Refused(caller, action, request_id, datetime.now(UTC)))
        elif count == _MOST_REFUSED + 1:
            _log.warning("%s: no more refusals of this hour go into the audit", caller.id)

    def _count_refused(self, caller_id: str) -> int:
        now = time.monotonic()
        with self._lock:
            if now >= self._refused_until:
                self._refused.clear()
                self._refused_until = now + _REFUSED_SECONDS
            self._refused[caller_id] += 1
            return self._refused[caller_id]

    def _add(self, note: _Used | _Refused) -> None:
        with self._lock:
            is_taken = len(self._waiting) < _MOST_WAITING
            if is_taken:
                self._waiting.append(note)
            starts = is_taken and not self._is_writing
            self._is_writing = self._is_writing or starts
        if not is_taken:
            note.give_up()
        if starts:
            self._start()

    def _start(self) -> None:
        # No daemon: a process that stops writes its last notes first.
        try:
            threading.Thread(target=self._write_all, name="notes").start()
        except RuntimeError:  # no more threads, or the process is ending
            while notes := self._taken():
                for note in notes:
                    note.give_up()

    def _write_all(self) -> None:
        while notes := self._taken():
            self._write(notes)

    def _taken(self) -> Sequence[_Used | _Refused]:
        """What waits; where nothing does, the writing has ended."""
        with self._lock:
            notes, self._waiting = self._waiting, []
            self._is_writing = bool(notes)
        return notes

    def _write(self, notes: Sequence[_Used | _Refused]) -> None:
        try:
            with self._database.write() as session:
                for note in notes:
                    note.write(session)
        except Exception as error:  # noqa: BLE001 - whatever it is, no request is to suffer
            _log.warning("notes of %d requests are given up [%s]", len(notes), describe(error))
            for note in notes:
                note.give_up()
