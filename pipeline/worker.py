"""A bounded queue and the thread that converts; the watcher never waits for a network."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable

from core.files import FileIdentity
from pipeline.bulk import Bulk, Ended
from pipeline.converter import Converter
from pipeline.drop import Entry
from pipeline.ledger import Outcome

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_TURN_SECONDS = 0.05


class Worker:
    """Converts entries, many at once; `on_outcome` is called in its thread.

    `threads` read and examine photos, by default one a core.
    """

    def __init__(
        self,
        converter: Converter,
        on_outcome: Callable[[Outcome], None],
        capacity: int = 256,
        threads: int | None = None,
    ) -> None:
        self._converter = converter
        self._on_outcome = on_outcome
        self._capacity = capacity
        self._threads = threads
        self._queue: queue.Queue[Entry] = queue.Queue(capacity)
        self._in_flight: dict[str, FileIdentity] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, anew where it died; what was in flight is found by the next scan."""
        if self.is_alive or self._stopping.is_set():
            return
        with self._lock:
            self._queue = queue.Queue(self._capacity)
            self._in_flight.clear()
        self._thread = threading.Thread(target=self._run, name="converter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the photos being examined; what waits stays pending in the ledger."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def __len__(self) -> int:
        return len(self._in_flight)

    def submit(self, entry: Entry) -> bool:
        """Take an entry; False when the queue is full. What is in flight is taken already."""
        with self._lock:
            if self._in_flight.get(entry.key) == entry.identity:
                return True
            try:
                self._queue.put_nowait(entry)
            except queue.Full:
                return False
            self._in_flight[entry.key] = entry.identity
            return True

    def _run(self) -> None:
        waiting = self._queue
        bulk = Bulk(self._converter, self._threads)
        try:
            while not self._stopping.is_set():
                _fill(bulk, waiting)
                self._report(bulk.turn(_TURN_SECONDS))
        finally:
            self._report(bulk.close())

    def _report(self, ended: Iterable[Ended]) -> None:
        for entry, outcome in ended:
            with self._lock:
                if self._in_flight.get(entry.key) == entry.identity:
                    del self._in_flight[entry.key]
            if outcome is not None:
                text = outcome.status + (f" ({outcome.code})" if outcome.code else "")
                _log.info("%s: %s", outcome.path, text)
                self._on_outcome(outcome)


def _fill(bulk: Bulk, waiting: queue.Queue[Entry]) -> None:
    """Put what waits; where there is nothing at all to do, wait a little for the next entry."""
    try:
        if bulk.is_idle:
            bulk.put(waiting.get(timeout=_POLL_SECONDS))
        while bulk.has_room:
            bulk.put(waiting.get_nowait())
    except queue.Empty:
        return
