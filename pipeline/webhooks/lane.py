"""One webhook's way out: its due deliveries, one after another, in a thread of its own."""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from core.errors import KenalError
from core.logs import describe
from db import deliveries, webhooks
from db.deliveries import Attempt, DeliveryStatus, Ended
from db.session import Database, Session
from pipeline.webhooks import schedule
from pipeline.webhooks.post import Answer, post
from pipeline.webhooks.signing import signed_headers

_log = logging.getLogger(__name__)

Post = Callable[[Attempt], Answer]


def poster(context: ssl.SSLContext, private: bool) -> Post:
    """Sends attempts over the network."""

    def send(attempt: Attempt) -> Answer:
        body = attempt.payload.encode()
        headers = signed_headers(attempt.secrets, attempt.message_id, int(time.time()), body)
        return post(attempt.url, headers, body, context, private)

    return send


class Lane:
    """Delivers to one webhook. After a failure it rests, so that one that is down, or asks for
    a pause, costs a few attempts and not one of every delivery.

    Its fields belong to its thread while that runs, and to the caller otherwise.
    """

    def __init__(self, database: Database, webhook_id: int, send: Post) -> None:
        self._database = database
        self._webhook_id = webhook_id
        self._send = send
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_forgettable(self) -> bool:
        return not self.is_running and time.monotonic() >= self._rests_until + 60

    def start(self, stop: threading.Event) -> None:
        """Deliver what is due, unless that is being done or the webhook is left alone."""
        if self.is_running or time.monotonic() < self._rests_until:
            return
        name = f"webhook {self._webhook_id}"
        self._thread = threading.Thread(target=self._run, args=(stop,), name=name, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, stop: threading.Event) -> None:
        try:
            with self._database.write() as session:
                attempt = self._claim(session)
            while attempt is not None:
                attempt = self._settle(attempt, self._send(attempt), stop)
        except KenalError as error:
            self._fail(0)
            _log.warning("webhook %d: %s", self._webhook_id, error.message)
        except Exception as error:  # noqa: BLE001 - other webhooks go on, whatever this one met
            self._fail(0)
            _log.error("webhook %d [%s]", self._webhook_id, describe(error))

    def _claim(self, session: Session) -> Attempt | None:
        now = datetime.now(UTC)
        return deliveries.claim(
            session, self._webhook_id, now, lambda n: now + timedelta(seconds=schedule.pause(n))
        )

    def _settle(self, attempt: Attempt, answer: Answer, stop: threading.Event) -> Attempt | None:
        """Record what came of it and, in the same transaction, take the next one."""
        now = datetime.now(UTC)
        asked = schedule.asked_pause(answer.retry_after, now)
        ended = outcome(attempt.number, answer, now, asked)
        with self._database.write() as session:
            deliveries.record(session, attempt, ended)
            if answer.status == HTTPStatus.GONE:
                _deactivate(session, attempt)
            going_on = answer.is_taken and not stop.is_set()
            following = self._claim(session) if going_on else None
        if answer.is_taken:
            self._failures = 0
        else:
            self._fail(asked)
            text = ended.error or ended.status
            _log.info("webhook %d: delivery %d: %s", self._webhook_id, attempt.delivery_id, text)
        return following

    def _fail(self, asked_seconds: float) -> None:
        self._failures += 1
        self._rests_until = time.monotonic() + max(schedule.rest(self._failures), asked_seconds)


def outcome(number: int, answer: Answer, now: datetime, asked_seconds: float) -> Ended:
    """What attempt `number` came to: delivered, to be tried again, or given up."""
    if answer.is_taken:
        return Ended(DeliveryStatus.DELIVERED, answer.status, None, None)
    if number >= schedule.MAX_ATTEMPTS or answer.status == HTTPStatus.GONE:
        return Ended(DeliveryStatus.FAILED, answer.status, answer.error, None)
    pause = max(schedule.pause(number), asked_seconds)
    retry_at = now + timedelta(seconds=pause)
    return Ended(DeliveryStatus.PENDING, answer.status, answer.error, retry_at)


def _deactivate(session: Session, attempt: Attempt) -> None:
    """The receiver says it is gone for good; unless the webhook leads elsewhere by now."""
    hook = webhooks.find(session, attempt.webhook_id)
    if hook is not None and hook.url == attempt.url:
        hook.active = False
        hook.updated_at = datetime.now(UTC)
        _log.warning("webhook %d: the receiver is gone; it is not active now", attempt.webhook_id)
