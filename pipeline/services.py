"""The one composition root: builds every collaborator of a process and starts them in order."""

import logging
import threading
from typing import Self

from core.errors import KenalError, NotReady
from core.logs import describe
from core.settings import Settings
from core.types import EmbeddingSpec
from db import calibrations, eras, migrate, switching
from db.gallery import Chosen
from db.session import Database
from pipeline.analyzer import Analyzer, BuildAnalyzer, build_analyzer
from pipeline.engine import Engine, SharedTurns, assemble, judging_anew
from pipeline.gallery import LiveGallery
from pipeline.pictures import PictureSweep
from pipeline.repetition import AnswerSweep
from pipeline.setup import recorded_embedder, serving
from pipeline.spaces.device_gallery import DeviceGallery
from pipeline.spaces.networks import ServedNetworks
from pipeline.spaces.presence import Presence
from pipeline.standing import warn_of_strangers
from pipeline.upkeep import Upkeep

__all__ = ["Engine", "Services"]

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 5.0
_UPKEEP_SECONDS = 10.0
_FOLLOW_SECONDS = 1.0


class Services:
    """The services of one process. Nothing is opened or loaded before `start`."""

    def __init__(
        self, settings: Settings, database: Database, build_networks: BuildAnalyzer
    ) -> None:
        self.settings = settings
        self.database = database
        self._build_networks = build_networks
        self.device_gallery = DeviceGallery(database, ServedNetworks(settings, build_networks))
        self._turns = SharedTurns.of(settings)
        self._engines: dict[str, Engine] = {}
        self._newest: Engine | None = None
        self._recalibrated: Engine | None = None
        self._presence = Presence(settings.data_dir)
        self._problem: KenalError = NotReady("starting: networks and gallery are being loaded")
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def build(cls, settings: Settings, build_networks: BuildAnalyzer = build_analyzer) -> Self:
        """Services for these settings; makes the data and drop folders."""
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.photo_dir.mkdir(parents=True, exist_ok=True)
        return cls(settings, Database(settings.resolved_database_url), build_networks)

    def start(self) -> Engine:
        """Load what is needed to recognize and enroll, once; raises KenalError."""
        with self._lock:
            if self._newest is None:
                migrate.check_current(self.database)
                _begin_era(self.database)
                chosen = recorded_embedder(self.database, self.settings, self._build_networks)
                self._newest = self._loaded(chosen)
        return self.engine()

    def start_in_background(self) -> None:
        """Start without waiting, again and again until it succeeds; call it after the fork."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_starting, name="start", daemon=True)
            self._thread.start()

    def engine(self) -> Engine:
        """The loaded engine of the space in force; raises NotReady, or what keeps it from starting.

        Whoever asks twice may get two: an answer is to be made with one. Where the network of a
        space that was switched to is not loaded here yet, it is the one of before, which is kept.
        """
        if self._newest is None:
            raise self._problem
        with self.database.read() as session:
            digest, calibration = calibrations.state(session)
        engine = self._engines.get(digest or "")
        if engine is None:
            self._check_kept(self._newest)
            return self._newest
        if engine.threshold.calibration != calibration:
            engine = self._judging_by(calibration, engine)
        self._newest = engine
        return engine

    def follow(self) -> None:
        """Load what is in force and what is to be, forget the others, and say so to others."""
        with self.database.read() as session:
            spaces = switching.spaces(session)
        if spaces is None or self._newest is None:
            return
        wanted = [spaces.in_force]
        if spaces.loading and spaces.following is not None:
            wanted.append(spaces.following)
        with self._lock:
            for spec in wanted:
                self._load(spec)
            if spaces.in_force.digest in self._engines:
                self._newest = self._engines[spaces.in_force.digest]
                digests = {spec.digest for spec in wanted}
                self._engines = {at: one for at, one in self._engines.items() if at in digests}
        self._presence.say(sorted(self._engines))

    def analyzer(self, embedder_id: str) -> Analyzer:
        """The analyzer of any embedder, not loaded; raises NotFound, ModelUnavailable."""
        return self._build_networks(embedder_id, self.settings)

    @property
    def problem(self) -> KenalError | None:
        """Why the engine is not there yet; None when it is."""
        return self._problem if self._newest is None else None

    def close(self) -> None:
        """Let go of everything; nothing happens twice."""
        self._closing.set()
        self._presence.end()
        self.database.close()

    def _loaded(self, chosen: Chosen) -> Engine:
        analyzer = serving(chosen.spec, self.settings, self._build_networks)
        engine = assemble(self.database, self.settings, chosen, analyzer, self._turns)
        own = analyzer.default_threshold
        warn_of_strangers(self.database, self.settings, chosen.spec, own)
        self._engines = {**self._engines, chosen.spec.digest: engine}
        return engine

    def _load(self, spec: EmbeddingSpec) -> None:
        if spec.digest in self._engines:
            return
        try:
            self._loaded(Chosen(spec.embedder, switching.REASON, spec))
            _log.info("%s is loaded", spec.embedder)
        except KenalError as error:
            _log.warning(
                "%s cannot be loaded yet: %s (%s)", spec.embedder, error.message, error.code
            )

    def _judging_by(self, calibration: int | None, engine: Engine) -> Engine:
        """The loaded engine with what was calibrated, or withdrawn, since."""
        last = self._recalibrated
        if (
            last is not None
            and last.gallery is engine.gallery
            and last.threshold.calibration == calibration
        ):
            return last
        now = judging_anew(self.database, self.settings, engine, self._turns)
        _log.info("the threshold is %g now: %s", now.threshold.value, now.threshold.words)
        self._recalibrated = now
        return now

    def _check_kept(self, engine: Engine) -> None:
        with self.database.read() as session:
            spaces = switching.spaces(session)
        if spaces is not None and engine.chosen.spec not in spaces.kept:
            raise NotReady("the network that was chosen for this gallery is being loaded")

    def _keep_starting(self) -> None:
        while not self._closing.is_set():
            try:
                self.start()
            except KenalError as error:
                self._problem = error
                _log.warning("not ready: %s (%s)", error.message, error.code)
            except Exception as error:  # noqa: BLE001 - said in /readyz, tried again
                self._problem = NotReady("an internal error keeps the service from starting")
                _log.error("not ready [%s]", describe(error))
            else:
                _log.info("ready")
                break
            self._closing.wait(_RETRY_SECONDS)
        if self._newest is not None:
            threading.Thread(target=self._keep_following, name="follow", daemon=True).start()
            self._keep_up()

    def _keep_following(self) -> None:
        while not self._closing.wait(_FOLLOW_SECONDS):
            try:
                self.follow()
            except Exception as error:  # noqa: BLE001 - a thread's own traceback would name paths
                _log.warning("the network in force could not be looked up [%s]", describe(error))

    def _keep_up(self) -> None:
        # Not only the watcher: it may see nothing of what a process that starts later meets.
        cared_for: LiveGallery | None = None
        pictures = PictureSweep(self.database, self.settings)
        answers = AnswerSweep(self.database)
        while not self._closing.wait(_UPKEEP_SECONDS):
            if self._newest is not None and self._newest.gallery is not cared_for:
                cared_for = self._newest.gallery
                upkeep = Upkeep(cared_for, seals=False)
            upkeep.run()
            pictures.run()
            answers.run()


def _begin_era(database: Database) -> None:
    """What this process changes is of an era of its own: the database may be a restored one."""
    try:
        with database.write() as session:
            eras.begin(session)
    except KenalError as error:
        # It is no reason not to serve: another process, or the next start, begins one.
        _log.warning("no era of changes could be begun (%s)", error.code)
