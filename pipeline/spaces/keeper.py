"""Keeps further spaces filled, in a thread of the watcher's process: those of
KENAL_DEVICE_NETWORKS, the one that is to be in force, and the one that was.

It is behind everything else: the system gives it what the others leave.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import KenalError, NotReady
from core.lease import lease
from core.logs import describe
from core.settings import Settings
from core.types import EmbeddingSpec
from db import switching
from db.gallery import last_seq
from db.switching import Spaces
from pipeline.analyzer import Analyzer
from pipeline.engine import limits_of
from pipeline.services import Engine, Services
from pipeline.setup import serving
from pipeline.spaces.fill import Filled, Filler
from pipeline.spaces.look import Looker
from pipeline.spaces.thresholds import least_similarity

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
        self._networks: dict[str, _Kept] = {}

    def run(self, stop: threading.Event) -> None:
        """Keep filling until `stop`; the face in hand is finished."""
        _step_back()
        while not stop.is_set():
            for name in self._names():
                network = self._networks.setdefault(name, _Kept(name, self._filler))
                # Somebody may be waiting for it, and fill it in the foreground.
                with lease(filling_lock(self._services.settings, name), wait=False) as alone:
                    if alone:
                        pause = self._services.settings.rescan_seconds
                        network.look(self._last_seq, stop, pause)
            stop.wait(_LOOK_SECONDS)

    def wanted(self) -> list[str]:
        """The networks whose spaces are to be filled now.

        The one in force too, where another is kept: a photo may be there again that was not.
        """
        spaces, own = self._spaces(), self._engine.chosen
        kept = [] if spaces is None else [spec.embedder for spec in spaces.kept]
        names = dict.fromkeys([*self._services.settings.device_network_names, *kept])
        names.pop(own.embedder, None)
        is_kept = spaces and spaces.previous and spaces.in_force == own.spec
        return [*names, own.embedder] if is_kept else [*names]

    def _names(self) -> list[str]:
        try:
            return self.wanted()
        except KenalError as error:
            _log.warning("further spaces cannot be looked up (%s)", error.code)
            return []

    def _last_seq(self) -> int:
        with self._services.database.read() as session:
            return last_seq(session)

    def _spaces(self) -> Spaces | None:
        with self._services.database.read() as session:
            return switching.spaces(session)

    def _filler(self, name: str) -> Filler:
        """Raises KenalError where the network cannot be had."""
        own, spaces = self._engine, self._spaces()
        if name == own.chosen.embedder:
            # Its own faces are there: those that are not are known by the network of before.
            if spaces is None or spaces.previous is None:
                raise NotReady("the network of before was removed")
            self._prepare(spaces.previous.embedder)
            return filler_of(self._services, self._of(spaces.previous), own.analyzer)
        self._prepare(name)
        kept = [] if spaces is None else [spec for spec in spaces.kept if spec.embedder == name]
        further = self._of(kept[0]) if kept else self._services.analyzer(name)
        return filler_of(self._services, own.analyzer, further)

    def _of(self, spec: EmbeddingSpec) -> Analyzer:
        return serving(spec, self._services.settings, lambda name, _: self._services.analyzer(name))


def filling_lock(settings: Settings, name: str) -> Path:
    """Held by the one process that fills the space of a network."""
    return settings.data_dir / f"filling-{name}.lock"


def filler_of(services: Services, own: Analyzer, further: Analyzer) -> Filler:
    """Fills the space of `further` with the faces that `own` knows again."""
    settings = services.settings
    with services.database.read() as session:
        threshold = least_similarity(session, settings, own)
    looker = Looker(settings.photo_dir, own, further, limits_of(settings), threshold)
    return Filler(services.database, looker, own.spec, further.spec)


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
        _log.warning("network %s: its space cannot be filled yet: %s", self._name, why)

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
            "network %s: %d faces embedded; without: %s",
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
    stop = threading.Event()
    keeper = SpaceKeeper(services, engine, prepare or _prepare_with(services))
    thread = threading.Thread(target=keeper.run, args=(stop,), name="spaces", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_SECONDS)
