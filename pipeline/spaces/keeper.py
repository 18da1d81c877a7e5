"""Keeps further spaces filled, in a thread of the watcher's process: those of
KENAL_DEVICE_NETWORKS, the one that is to be in force, and the one that was.

It is behind everything else: the system gives it what the others leave.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import KenalError, NotReady
from core.logs import describe
from core.priority import step_back
from db import switching
from db.gallery import last_seq
from db.switching import Spaces
from pipeline.analyzer import Analyzer
from pipeline.engine import limits_of
from pipeline.services import Engine, Services
from pipeline.spaces.fill import Filler
from pipeline.spaces.kept import Kept
from pipeline.spaces.look import Looker
from pipeline.spaces.overview import analyzer_of
from pipeline.spaces.taking_turns import filling, is_left_to_others
from pipeline.spaces.thresholds import least_similarity

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
_END_SECONDS = 3.0
_NICE = 19
Prepare = Callable[[str], None]


class SpaceKeeper:
    """Prepares each network, fills its space, and fills in what is enrolled later."""

    def __init__(self, services: Services, engine: Engine, prepare: Prepare) -> None:
        self._services, self._engine, self._prepare = services, engine, prepare
        self._networks: dict[str, Kept] = {}

    def run(self, stop: threading.Event) -> None:
        """Keep filling until `stop`; the face in hand is finished."""
        step_back(_NICE)
        while not stop.is_set():
            for name in self._names():
                self._keep(self._networks.setdefault(name, Kept(name, self._filler)), stop)
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

    def _keep(self, network: Kept, stop: threading.Event) -> None:
        settings, name = self._services.settings, network.name

        def goes_on() -> bool:
            return not stop.is_set() and not is_left_to_others(settings, name)

        try:
            with filling(settings, name) as alone:
                if alone and goes_on():
                    network.look(self._last_seq, goes_on, settings.rescan_seconds)
        except OSError as error:
            _log.warning("network %s: its lock cannot be had [%s]", name, describe(error))

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
            return filler_of(
                self._services, analyzer_of(self._services, spaces.previous), own.analyzer
            )
        self._prepare(name)
        kept = [] if spaces is None else [spec for spec in spaces.kept if spec.embedder == name]
        further = analyzer_of(self._services, kept[0]) if kept else self._services.analyzer(name)
        return filler_of(self._services, own.analyzer, further)


def filler_of(services: Services, own: Analyzer, further: Analyzer, threads: int = 1) -> Filler:
    """Fills the space of `further` with the faces that `own` knows again."""
    settings = services.settings
    with services.database.read() as session:
        threshold = least_similarity(session, settings, own)
    looker = Looker(settings.photo_dir, own, further, limits_of(settings), threshold)
    return Filler(services.database, looker, own.spec, further.spec, threads=threads)


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
