"""`python -m pipeline.watcher`: watches the drop folder and enrolls what arrives in it.

The watch is armed first, then the folder is scanned, then events and a periodic scan follow:
whatever an event misses, a scan finds. One watcher is active for a data folder; a second one
waits for it to end.
"""

import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from core.errors import KenalError
from core.files import identity
from core.lease import lease
from core.logs import configure_logging, describe
from core.memory import return_memory
from core.settings import SettingsError, load_settings
from pipeline.chores import Chores
from pipeline.intake import Hints, Intake
from pipeline.reconcile import Reconciler
from pipeline.services import Engine, Services
from pipeline.side_files import SideFiles
from pipeline.spaces.following import until_switched
from pipeline.spaces.keeper import keeping
from pipeline.webhooks.sender import sending
from pipeline.worker import Worker

# By name: run as a module, __name__ is __main__.
_log = logging.getLogger("pipeline.watcher")
_TICK_SECONDS = 0.25
_RETRY_SECONDS = 5.0
_UNINTERESTING = frozenset(["opened", "closed_no_write"])


class EventHandler(FileSystemEventHandler):
    """Turns file events into hints; what an event says is never believed."""

    def __init__(self, root: Path, hints: Hints) -> None:
        self._root = root
        self._hints = hints

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _UNINTERESTING:
            return
        for raw in (event.src_path, event.dest_path):
            text = raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "surrogateescape")
            if text.startswith(f"{self._root}/"):
                self._hints.add(PurePosixPath(text).relative_to(self._root))


class Watch:
    """The armed watch on the drop folder; armed again when it died or the folder was replaced."""

    def __init__(self, root: Path, hints: Hints) -> None:
        self._root = root.resolve()
        self._handler = EventHandler(self._root, hints)
        self._observer: BaseObserver | None = None
        self._inode: int | None = None
        self._unwatchable: int | None = None

    def ensure(self) -> bool:
        """Arm the watch where it is not; True if that was done now, so that a scan is due."""
        inode = self._inode_now()
        if self.is_armed and inode == self._inode:
            return False
        self.stop()
        if inode is None or inode == self._unwatchable:
            return False
        observer = Observer()
        try:
            observer.schedule(self._handler, str(self._root), recursive=True)
            observer.start()
        except OSError as error:
            # Out of watches, or no events on this file system: the scans go on without. Not
            # tried again on this folder, since each failure leaves descriptors of watchdog's.
            self._unwatchable = inode
            _log.warning("no file events, only scans [%s]", describe(error))
            return False
        self._observer, self._inode = observer, inode
        return True

    def _inode_now(self) -> int | None:
        try:
            found = identity(self._root)
        except OSError:
            return None  # A share that is stale: as good as away.
        return found.inode if found else None

    @property
    def is_armed(self) -> bool:
        return self._observer is not None and self._observer.is_alive()

    def stop(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            if self._observer.is_alive():
                self._observer.join()
            self._observer = None


class Watcher:
    """Ties watch, intake, worker and chores together for one process."""

    def __init__(self, services: Services, engine: Engine) -> None:
        settings = services.settings
        drop = settings.photo_dir
        self._chores = Chores(services, engine)
        self._worker = Worker(engine.converter, self._chores.note)
        self._intake = Intake(
            drop,
            Reconciler(services.database, drop),
            self._worker,
            SideFiles(services.database, drop),
            stable_seconds=settings.stable_seconds,
            rescan_seconds=settings.rescan_seconds,
        )
        self._watch = Watch(drop, self._intake.hints)

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop`; the photo in hand is finished."""
        self._worker.start()
        try:
            while not stop.is_set():
                try:
                    self._tick(time.monotonic())
                except Exception as error:  # noqa: BLE001 - watching goes on, whatever one tick met
                    _log.error("a look at the drop folder failed [%s]", describe(error))
                    stop.wait(_RETRY_SECONDS)
                stop.wait(_TICK_SECONDS)
        finally:
            self._watch.stop()
            self._worker.stop()
            self._chores.finish()

    def _tick(self, now: float) -> None:
        if self._watch.ensure():
            self._intake.scan_soon()
        if not self._worker.is_alive:
            self._worker.start()
            self._intake.scan_soon()
        self._intake.tick(now)
        self._chores.tick(self._intake, events=self._watch.is_armed)


@contextmanager
def only_one(lock: Path, stop: threading.Event) -> Iterator[bool]:
    """Wait to be the one watcher of this data folder; False when asked to stop before."""
    waited = False
    while not stop.is_set():
        with lease(lock, wait=False) as active:
            if active:
                yield True
                return
        if not waited:
            _log.warning("another watcher is active; waiting for it to end")
            waited = True
        stop.wait(_RETRY_SECONDS)
    yield False


def _start(services: Services, stop: threading.Event) -> Engine | None:
    """The engine, tried until it starts; None when asked to stop before."""
    while not stop.is_set():
        try:
            return services.start()
        except KenalError as error:
            _log.error("cannot start yet: %s (%s)", error.message, error.code)
            stop.wait(_RETRY_SECONDS)
    return None


def _watch(services: Services, stop: threading.Event) -> None:
    """Watch until `stop`, in whatever space is in force."""
    while not stop.is_set():
        engine = _start(services, stop)
        if engine is None:
            return
        _log.info("watching; embedder %s", engine.chosen.embedder)
        with until_switched(services, engine, stop) as ended, keeping(services, engine):
            Watcher(services, engine).run(ended)


def quiet_double_watches() -> None:
    """watchdog warns, with a path, where it hears twice of a new folder; that harms nothing."""
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)


def main() -> int:
    """Run the watcher until SIGINT or SIGTERM; returns the exit code."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_json)
    return_memory()
    quiet_double_watches()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    services = Services.build(settings)
    with only_one(settings.data_dir / "watcher.lock", stop) as active:
        if active:
            with sending(services.database, settings):
                _watch(services, stop)
    services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
