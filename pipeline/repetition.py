"""A request sent twice is done once: the first answer is kept for a day and given again."""

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import Busy, IdempotencyConflict
from core.logs import describe
from db import stored_answers
from db.delivery_models import StoredAnswer
from db.session import Database
from db.stored_answers import Given

KEPT = timedelta(hours=24)
_ABANDONED = timedelta(seconds=60)
"""Longer than any request is worked on: whoever has not answered by then has died."""
_SWEEP_SECONDS = 600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right, and the duty, to do the work of a request: `keep` or `drop` ends it."""

    id: str


class Repetition:
    """The memory of requests that must not be done twice, over all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, caller: str, key: str, fingerprint: str) -> Claim | Given:
        """The work is ours, or its answer is there already.

        Raises IdempotencyConflict where the key came with another request, Busy where the same
        one is being worked on at this moment.
        """
        now, claim = datetime.now(UTC), Claim(uuid.uuid4().hex)
        with self._database.write() as session:
            stored_answers.forget_before(session, now - KEPT)
            known = stored_answers.find(session, caller, key)
            if known is None or known.created_at < now - KEPT:
                if known is not None:
                    session.delete(known)
                    session.flush()
                stored_answers.add(session, caller, key, fingerprint, claim=claim.id, at=now)
                return claim
            return self._again(known, fingerprint, claim, now)

    def keep(self, claim: Claim, given: Given, user_id: str | None) -> None:
        """The work is done; this answer is given to every repetition."""
        with self._database.write() as session:
            stored_answers.keep(session, claim.id, given, user_id)

    def drop(self, claim: Claim) -> None:
        """The work failed in a way that may pass; the next attempt does it."""
        with self._database.write() as session:
            stored_answers.drop(session, claim.id)

    @staticmethod
    def _again(known: StoredAnswer, fingerprint: str, claim: Claim, now: datetime) -> Claim | Given:
        if known.fingerprint != fingerprint:
            raise IdempotencyConflict("this Idempotency-Key came with another request before")
        if known.status is not None:
            return Given(known.status, known.body or "{}", known.location)
        if now - known.created_at < _ABANDONED:
            raise Busy("the same request is being worked on; ask again for its answer")
        known.claim, known.created_at = claim.id, now
        return claim


class AnswerSweep:
    """Forgets old answers also where no request comes that would; `run` it again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next = float("-inf")

    def run(self) -> None:
        """Sweep where it is due."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SWEEP_SECONDS
        try:
            while self._has_old():
                with self._database.write() as session:
                    stored_answers.forget_before(session, datetime.now(UTC) - KEPT)
        except Exception as error:  # noqa: BLE001 - the thread has other things to do as well
            _log.warning("old answers could not be forgotten [%s]", describe(error))

    def _has_old(self) -> bool:
        with self._database.read() as session:
            return stored_answers.has_before(session, datetime.now(UTC) - KEPT)
