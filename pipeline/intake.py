"""From hints and scans to conversions: one tick after another, with time as an argument."""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from core.errors import KenalError
from pipeline.drop import Entry, look_at
from pipeline.reconcile import Reconciler
from pipeline.side_files import SideFiles
from pipeline.stability import StabilityTracker
from pipeline.worker import Worker

_log = logging.getLogger(__name__)
_DUE_SECONDS = 2.0
_PAUSE_SECONDS = 5.0


class Hints:
    """Paths somebody saw change. Thread-safe; a hint too many costs one look, none is trusted."""

    def __init__(self) -> None:
        self._paths: dict[PurePosixPath, None] = {}
        self._lock = threading.Lock()

    def add(self, path: PurePosixPath) -> None:
        with self._lock:
            self._paths[path] = None

    def take(self) -> list[PurePosixPath]:
        with self._lock:
            paths, self._paths = list(self._paths), {}
        return paths


class Intake:
    """Decides when each file of the drop folder is converted. Only `hints` is for other threads."""

    def __init__(
        self,
        drop: Path,
        reconciler: Reconciler,
        worker: Worker,
        side_files: SideFiles,
        *,
        stable_seconds: float,
        rescan_seconds: float,
    ) -> None:
        self._drop = drop
        self._reconciler = reconciler
        self._worker = worker
        self._side_files = side_files
        self._tracker = StabilityTracker(stable_seconds)
        self._rescan_seconds = rescan_seconds
        self._next_scan = float("-inf")
        self._next_due = float("-inf")
        self.hints = Hints()
        self.problem: str | None = None

    @property
    def waiting(self) -> int:
        """How many photos are not converted yet, of those that are known here."""
        return len(self._tracker) + len(self._worker)

    def scan_soon(self) -> None:
        """Scan at the next tick: something happened that hints do not tell whole."""
        self._next_scan = float("-inf")

    def tick(self, now: float) -> None:
        """Look at what is due at `now` (monotonic seconds); a failure is said and tried again."""
        try:
            if now >= self._next_scan:
                self._scan(now)
            self._look_at(self.hints.take(), now)
            if now >= self._next_due:
                self._next_due = now + _DUE_SECONDS
                self._look_at(self._reconciler.due(), now)
            self.problem = None
        except KenalError as error:
            # Hints may be lost here: the next scan finds what they meant.
            self.problem = error.code
            self._next_scan = now + _PAUSE_SECONDS
            _log.warning("photos could not be looked at: %s (%s)", error.message, error.code)
        self._submit_stable(now)

    def _scan(self, now: float) -> None:
        found = self._reconciler.scan()
        self._next_scan = now + self._rescan_seconds
        for entry in found.work:
            self._observe(entry, now)
        for entry in found.profiles:
            self._side_files.apply(entry)

    def _look_at(self, paths: Iterable[PurePosixPath], now: float) -> None:
        seen = (look_at(self._drop, path) for path in paths)
        entries = [entry for entry in seen if entry is not None]
        for entry in entries:
            if entry.is_profile:
                self._side_files.apply(entry)
        work = self._reconciler.needing_work([entry for entry in entries if not entry.is_profile])
        for entry in work:
            self._observe(entry, now)

    def _observe(self, entry: Entry, now: float) -> None:
        # The wall clock only shortens the wait of files that lay here before we looked.
        resting_for = time.time() - entry.identity.ctime_ns / 1e9
        self._tracker.observe(entry.path, entry.identity, now, resting_for)

    def _submit_stable(self, now: float) -> None:
        for path in self._tracker.watched():
            entry = look_at(self._drop, path)
            if entry is None:
                self._tracker.forget(path)
                continue
            self._tracker.observe(path, entry.identity, now)
            if self._tracker.is_stable(path, now):
                if not self._worker.submit(entry):
                    return  # Full: those behind wait for a later tick.
                self._tracker.forget(path)
