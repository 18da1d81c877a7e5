"""Keeps the spaces of KENAL_DEVICE_NETWORKS filled, in a thread of the watcher's process.

It is behind everything else: the system gives it what the others leave.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import KenalError
from core.logs import describe
from db.gallery import last_seq
from pipeline.converter import Limits
from pipeline.services import Engine, Services
from pipeline.spaces.fill import Filled, Filler
from pipeline.spaces.look import Looker

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
_RETRY_SECONDS = 60.0
_SAID_SECONDS = 60.0
_END_SECONDS = 3.0
_NICE = 19
Prepare = Callable[[str], None]


class SpaceKeeper:
    """Prepares each network, fills its space, and fills in what is enrolled later."""

    def __init__(self, services: Services, engine: Engine, prepare: Prepare) -> None:
        self._services, self._engine, self._prepare = services, engine, prepare
        own = engine.chosen.embedder
        names = services.settings.device_network_names
        self._networks = [_Kept(name, self._filler) for name in names if name != own]

    def run(self, stop: threading.Event) -> None:
        """Keep filling until `stop`; the face in hand is finished."""
        _step_back()
        while self._networks and not stop.is_set():
            for network in self._networks:
                network.look(self._last_seq, stop, self._services.settings.rescan_seconds)
            stop.wait(_LOOK_SECONDS)

    def _last_seq(self) -> int:
        with self._services.database.read() as session:
            return last_seq(session)

    def _filler(self, name: str) -> Filler:
        """Raises KenalError where the network cannot be had."""
        settings, engine = self._services.settings, self._engine
        self._prepare(name)
        further = self._services.analyzer(name)
        limits = Limits(
            settings.max_upload_bytes, settings.max_image_pixels, settings.dominant_face
        )
        looker = Looker(settings.photo_dir, engine.analyzer, further, limits, engine.rule.threshold)
        return Filler(self._services.database, looker, engine.chosen.spec, further.spec)


class _Kept:
    """One network: when to look at its space again."""

    def __init__(self, name: str, make: Callable[[str], Filler]) -> None:
        self._name, self._make = name, make
        self._filler: Filler | None = None
        self._seen_seq = -1
        self._next = float("-inf")
        self._said_at = float("-inf")

    def look(self, newest: Callable[[], int], stop: threading.Event, pause_seconds: float) -> None:
        """Fill where something changed, or the pause is over; a failure is tried again later."""
        try:
            seq = newest()
            if time.monotonic() < self._next and (seq == self._seen_seq or self._filler is None):
                return
            self._next = time.monotonic() + pause_seconds
            self._fill(stop)
            self._seen_seq = seq
        except KenalError as error:
            self._failed(f"{error.message} ({error.code})")
        except Exception as error:  # noqa: BLE001 - a thread's own traceback would name paths
            self._failed(f"[{describe(error)}]")

    def _failed(self, why: str) -> None:
        self._next = time.monotonic() + _RETRY_SECONDS
        self._seen_seq = -1
        _log.warning("device network %s: its space cannot be filled yet: %s", self._name, why)

    def _fill(self, stop: threading.Event) -> None:
        if self._filler is None:
            self._filler = self._make(self._name)
        filled = self._filler.fill(lambda: not stop.is_set(), self._heard)
        if filled.done:
            self._say(filled)

    def _heard(self, filled: Filled) -> None:
        if time.monotonic() >= self._said_at + _SAID_SECONDS:
            self._say(filled)

    def _say(self, filled: Filled) -> None:
        self._said_at = time.monotonic()
        without = ", ".join(f"{n} {code}" for code, n in sorted(filled.without.items()))
        _log.info(
            "device network %s: %d faces embedded; without: %s",
            self._name,
            filled.embedded,
            without or "none",
        )


def _step_back() -> None:
    # Of this thread alone, and of those that it starts; where a system knows no such thing, none.
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _prepare_with(services: Services) -> Prepare:
    def prepare(name: str) -> None:
        # With the HTTP client that downloads: not for processes that only serve.
        from pipeline.models.prepare import prepare as prepare_network  # noqa: PLC0415

        prepare_network(name, services.settings)

    return prepare


@contextmanager
def keeping(services: Services, engine: Engine, prepare: Prepare | None = None) -> Iterator[None]:
    """A keeper in a thread of this process, until the end of the block."""
    if not services.settings.device_network_names:
        yield
        return
    stop = threading.Event()
    keeper = SpaceKeeper(services, engine, prepare or _prepare_with(services))
    thread = threading.Thread(target=keeper.run, args=(stop,), name="spaces", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_SECONDS)
