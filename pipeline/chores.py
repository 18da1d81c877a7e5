"""What the watcher does beside converting: the report, its heartbeat, the index's upkeep."""

import logging
import threading
import time
from typing import TYPE_CHECKING

from core.errors import KenalError
from core.logs import describe
from db import photos
from db.photos import Status
from pipeline.heartbeat import beat, heartbeat_path
from pipeline.ledger import Outcome
from pipeline.report import write_report
from pipeline.services import Engine, Services
from pipeline.upkeep import Upkeep

if TYPE_CHECKING:
    from pipeline.intake import Intake

_log = logging.getLogger(__name__)
_HEARTBEAT_SECONDS = 2.0
_REPORT_SECONDS = 2.0
_UPKEEP_SECONDS = 10.0
_UPKEEP_END_SECONDS = 3.0
# A report of a large ledger takes its time: it is written at most so much of the time.
_REPORT_SHARE = 20


class Chores:
    """Keeps `_report.csv`, the heartbeat file and the index's segments up to date."""

    def __init__(self, services: Services, engine: Engine) -> None:
        self._services = services
        self._gallery = engine.gallery
        self._changed = threading.Event()
        self._changed.set()
        self._next_report = self._next_beat = self._next_upkeep = float("-inf")
        self._upkeep = Upkeep(engine.gallery, seals=True)
        self._upkeep_thread: threading.Thread | None = None
        self._last_counts: dict[Status, int] = {}

    def note(self, outcome: Outcome) -> None:
        """Something in the ledger may have changed; from any thread."""
        del outcome
        self._changed.set()

    def tick(self, intake: "Intake", events: bool) -> None:
        """Do what is due now."""
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + _HEARTBEAT_SECONDS
            self._beat(intake, events)
        if now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self._report()
        if now >= self._next_upkeep:
            self._next_upkeep = now + _UPKEEP_SECONDS
            self._start_upkeep()

    def finish(self) -> None:
        """Write the last report, wait for the upkeep, and take the heartbeat away."""
        self._report()
        if self._upkeep_thread is not None:
            # A build is not waited for: it is dropped whole, and begun anew with the next start.
            self._upkeep_thread.join(_UPKEEP_END_SECONDS)
        heartbeat_path(self._services.settings).unlink(missing_ok=True)

    def _beat(self, intake: "Intake", events: bool) -> None:
        state = intake.problem or ("events" if events else "scans_only")
        try:
            beat(self._services.settings, state, intake.waiting, self._gallery)
        except OSError as error:
            _log.warning("the heartbeat could not be written [%s]", describe(error))

    def _report(self) -> None:
        started = time.monotonic()
        try:
            with self._services.database.read() as session:
                counts = photos.counts(session)
            if counts == self._last_counts and not self._changed.is_set():
                return
            self._changed.clear()
            write_report(self._services.database, self._services.settings.photo_dir)
            self._last_counts = counts
        except (KenalError, OSError) as error:
            self._changed.set()
            _log.warning("the report could not be written [%s]", describe(error))
        pause = (time.monotonic() - started) * _REPORT_SHARE
        self._next_report = time.monotonic() + max(_REPORT_SECONDS, pause)

    def _start_upkeep(self) -> None:
        if self._upkeep_thread is None or not self._upkeep_thread.is_alive():
            run = self._upkeep.run
            self._upkeep_thread = threading.Thread(target=run, name="upkeep", daemon=True)
            self._upkeep_thread.start()
