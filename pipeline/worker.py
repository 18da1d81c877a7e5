"""A bounded queue and the thread that converts; the watcher never waits for a network."""

import logging
import queue
import threading
from collections.abc import Callable

from core.errors import KenalError, ServiceError
from core.files import FileIdentity
from core.logs import describe
from pipeline.converter import Converter
from pipeline.drop import Entry
from pipeline.ledger import Outcome

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2


class InternalError(ServiceError):
    """A fault of ours: the photo stays pending and is tried again."""

    code = "internal"


class Worker:
    """Converts entries one after another; `on_outcome` is called in its thread."""

    def __init__(
        self, converter: Converter, on_outcome: Callable[[Outcome], None], capacity: int = 256
    ) -> None:
        self._converter = converter
        self._on_outcome = on_outcome
        self._queue: queue.Queue[Entry] = queue.Queue(capacity)
        self._in_flight: dict[str, FileIdentity] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="converter", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the photo in hand; what waits stays pending in the ledger."""
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
        while not self._stopping.is_set():
            try:
                entry = self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            self._convert(entry)
            with self._lock:
                if self._in_flight.get(entry.key) == entry.identity:
                    del self._in_flight[entry.key]

    def _convert(self, entry: Entry) -> None:
        try:
            outcome = self._converter.convert(entry.path)
        except KenalError as error:
            # Not even the refusal could be recorded (database busy, disk full): the row is
            # as it was, and the next scan finds the file again.
            _log.warning("%s: %s", entry.key, error.code)
            return
        except Exception as error:  # noqa: BLE001 - a photo must never end the worker
            _log.error("%s: internal error [%s]", entry.key, describe(error))
            self._report(self._postpone(entry))
        else:
            self._report(outcome)

    def _postpone(self, entry: Entry) -> Outcome | None:
        error = InternalError("an internal error; it will be tried again")
        try:
            return self._converter.refuse(entry.path, entry.identity, error)
        except KenalError as failed:
            _log.warning("%s: %s", entry.key, failed.code)
            return None

    def _report(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            text = outcome.status + (f" ({outcome.code})" if outcome.code else "")
            _log.info("%s: %s", outcome.path, text)
            self._on_outcome(outcome)
