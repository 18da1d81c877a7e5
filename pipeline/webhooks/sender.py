"""The sender: looks for what is due, and gives each webhook a lane; one sender at a time."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from core.errors import KenalError
from core.lease import lease
from core.logs import describe
from core.settings import Settings
from db import deliveries
from db.session import Database
from pipeline.webhooks import schedule
from pipeline.webhooks.lane import Lane, Post, poster

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_UPKEEP_SECONDS = 600.0
_END_SECONDS = 3.0
_PRUNED_AT_ONCE = 1000


class Sender:
    """Delivers what the queue holds, at least once, to each webhook at its own pace."""

    def __init__(
        self, database: Database, settings: Settings, connect: Callable[[], Post] | None = None
    ) -> None:
        self._database = database
        self._lock = settings.data_dir / "webhooks.lock"
        self._connect = connect or (
            lambda: poster(httpx.create_ssl_context(), settings.webhook_private)
        )
        self._lanes: dict[int, Lane] = {}
        self._next_upkeep = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, whenever no other process does."""
        while not stop.is_set():
            try:
                with lease(self._lock, wait=False) as mine:
                    if mine:
                        self._run(stop, self._connect())
            except KenalError as error:
                _log.warning("webhooks wait: %s (%s)", error.message, error.code)
            except Exception as error:  # noqa: BLE001 - sending goes on, whatever was met
                _log.error("webhooks wait [%s]", describe(error))
            stop.wait(_RETRY_SECONDS)

    def _run(self, stop: threading.Event, send: Post) -> None:
        try:
            while not stop.is_set():
                self._look(stop, send)
                if time.monotonic() >= self._next_upkeep:
                    self._next_upkeep = time.monotonic() + _UPKEEP_SECONDS
                    tidy(self._database)
                stop.wait(_LOOK_SECONDS)
        finally:
            self._finish()

    def _look(self, stop: threading.Event, send: Post) -> None:
        with self._database.read() as session:
            due = deliveries.due_webhooks(session, datetime.now(UTC))
        for webhook_id in due:
            if webhook_id not in self._lanes:
                self._lanes[webhook_id] = Lane(self._database, webhook_id, send)
            self._lanes[webhook_id].start(stop)
        for webhook_id in [n for n, lane in self._lanes.items() if lane.is_forgettable]:
            del self._lanes[webhook_id]

    def _finish(self) -> None:
        """Wait a little for what is being sent; the rest is sent again."""
        end = time.monotonic() + _END_SECONDS
        for lane in self._lanes.values():
            lane.join(max(end - time.monotonic(), 0))


def tidy(database: Database) -> None:
    """Give up what waits for too long, and drop the log's oldest part."""
    now = datetime.now(UTC)
    with database.write() as session:
        deliveries.give_up(session, now - schedule.MAX_AGE, "it could not be delivered in 3 days")
    pruned = _PRUNED_AT_ONCE
    while pruned == _PRUNED_AT_ONCE:
        with database.write() as session:
            pruned = deliveries.prune(session, now - schedule.KEPT, _PRUNED_AT_ONCE)


@contextmanager
def sending(database: Database, settings: Settings) -> Iterator[None]:
    """A sender in a thread of this process, until the end of the block."""
    stop = threading.Event()
    sender = Sender(database, settings)
    thread = threading.Thread(target=sender.run, args=(stop,), name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_SECONDS + 1)
