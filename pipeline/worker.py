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


def convert_safely(converter: Converter, entry: Entry) -> Outcome | None:
    """Convert one entry whatever happens: a fault of ours leaves it pending, to be tried again.

    None where not even that could be recorded (database busy, disk full): the row is as it was,
    and the next scan finds the file again.
    """
    try:
        try:
            return converter.convert(entry.path)
        except KenalError as error:
            _log.warning("%s: %s", entry.key, error.code)
            return None
        except Exception as error:  # noqa: BLE001 - a photo must never end its worker
            _log.error("%s: internal error [%s]", entry.key, describe(error))
            fault = InternalError("an internal error; it will be tried again")
            return converter.refuse(entry.path, entry.identity, fault)
    except Exception as error:  # noqa: BLE001
        _log.error("%s: its state could not be recorded [%s]", entry.key, describe(error))
        return None


class Worker:
    """Converts entries one after another; `on_outcome` is called in its thread."""

    def __init__(
        self, converter: Converter, on_outcome: Callable[[Outcome], None], capacity: int = 256
    ) -> None:
        self._converter = converter
        self._on_outcome = on_outcome
        self._capacity = capacity
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
        waiting = self._queue
        while not self._stopping.is_set():
            try:
                entry = waiting.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            try:
                self._report(convert_safely(self._converter, entry))
            finally:
                with self._lock:
                    if self._in_flight.get(entry.key) == entry.identity:
                        del self._in_flight[entry.key]

    def _report(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            text = outcome.status + (f" ({outcome.code})" if outcome.code else "")
            _log.info("%s: %s", outcome.path, text)
            self._on_outcome(outcome)
