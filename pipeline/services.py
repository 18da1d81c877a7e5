"""The one composition root: builds every collaborator of a process and starts them in order."""

import logging
import os
import threading
from dataclasses import dataclass
from typing import Self

from core.errors import KenalError, NotReady, StorageFull
from core.logs import describe
from core.settings import Settings
from core.types import EmbeddingSpec
from db import eras, migrate
from db.gallery import Chosen
from db.session import Database
from index import FaceIndex, Policy
from pipeline.analyzer import Analyzer, BuildAnalyzer, build_analyzer
from pipeline.bulk_alike import LookAlikes
from pipeline.checkins import CheckIns
from pipeline.converter import Converter, Limits
from pipeline.decision import Rule
from pipeline.embedding_enrollment import EmbeddingEnrollment
from pipeline.enrollment import Enrollment
from pipeline.examiner import Examiner
from pipeline.gallery import LiveGallery
from pipeline.pictures import Pictures, PictureSweep
from pipeline.recognizer import Recognizer
from pipeline.repetition import AnswerSweep
from pipeline.setup import recorded_embedder
from pipeline.spaces.device_gallery import DeviceGallery
from pipeline.spaces.networks import ServedNetworks
from pipeline.streams import Streams, places_of
from pipeline.turns import Turns, turns_of
from pipeline.upkeep import Upkeep

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 5.0
_UPKEEP_SECONDS = 10.0
# Of a gallery so small an index is made within moments: nobody has to do without it.
_MENDED_AT_START = 20_000


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that needs a chosen, loaded network."""

    chosen: Chosen
    analyzer: Analyzer
    gallery: LiveGallery
    recognizer: Recognizer
    converter: Converter
    enrollment: Enrollment
    embeddings: EmbeddingEnrollment
    examiner: Examiner
    check_ins: CheckIns
    streams: Streams

    @property
    def rule(self) -> Rule:
        return self.recognizer.rule


class Services:
    """The services of one process. Nothing is opened or loaded before `start`."""

    def __init__(
        self, settings: Settings, database: Database, build_networks: BuildAnalyzer
    ) -> None:
        self.settings = settings
        self.database = database
        self._build_networks = build_networks
        self.device_gallery = DeviceGallery(database, ServedNetworks(settings, build_networks))
        self._engine: Engine | None = None
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
            if self._engine is None:
                self._engine = self._assemble()
            return self._engine

    def start_in_background(self) -> None:
        """Start without waiting, again and again until it succeeds; call it after the fork."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_starting, name="start", daemon=True)
            self._thread.start()

    def engine(self) -> Engine:
        """The loaded engine; raises NotReady, or what keeps it from starting."""
        if self._engine is None:
            raise self._problem
        return self._engine

    def analyzer(self, embedder_id: str) -> Analyzer:
        """The analyzer of any embedder, not loaded; raises NotFound, ModelUnavailable."""
        return self._build_networks(embedder_id, self.settings)

    @property
    def problem(self) -> KenalError | None:
        """Why the engine is not there yet; None when it is."""
        return self._problem if self._engine is None else None

    def close(self) -> None:
        """Let go of everything; nothing happens twice."""
        self._closing.set()
        self.database.close()

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
        if self._engine is not None:
            self._keep_up(self._engine.gallery)

    def _keep_up(self, gallery: LiveGallery) -> None:
        # Not only the watcher: it may see nothing of what a process that starts later meets.
        upkeep = Upkeep(gallery, seals=False)
        pictures = PictureSweep(self.database, self.settings)
        answers = AnswerSweep(self.database)
        while not self._closing.wait(_UPKEEP_SECONDS):
            upkeep.run()
            pictures.run()
            answers.run()

    def _assemble(self) -> Engine:
        settings = self.settings
        migrate.check_current(self.database)
        _begin_era(self.database)
        chosen = recorded_embedder(self.database, settings, self._build_networks)
        analyzer = self._build_networks(chosen.embedder, settings)
        analyzer.load()
        gallery = open_gallery(self.database, settings, chosen.spec)
        _look_after(gallery)
        rule = _rule(settings, analyzer.default_threshold)
        limits = Limits(
            settings.max_upload_bytes, settings.max_image_pixels, settings.dominant_face
        )
        converter = Converter(
            self.database,
            analyzer,
            gallery,
            settings.photo_dir,
            limits=limits,
            threshold=rule.threshold,
            mode=settings.enroll_mode,
        )
        recognizer = Recognizer(
            self.database, analyzer, gallery, limits, rule, turns=turns_of(settings)
        )
        # Asked by whoever holds one of those turns already: it has always room.
        inner = Recognizer(
            self.database, analyzer, gallery, limits, rule, turns=Turns(settings.working_photos, 0)
        )
        return Engine(
            chosen=chosen,
            analyzer=analyzer,
            gallery=gallery,
            recognizer=recognizer,
            converter=converter,
            enrollment=Enrollment(converter, settings.photo_dir),
            embeddings=EmbeddingEnrollment(
                self.database,
                settings.photo_dir,
                LookAlikes(self.database, gallery, chosen.spec, rule.threshold),
                chosen.spec,
                rule.threshold,
            ),
            examiner=Examiner(analyzer, limits, recognizer.turns),
            check_ins=CheckIns(
                self.database, inner, recognizer.turns, Pictures(settings), settings
            ),
            streams=Streams(analyzer, recognizer, recognizer.turns, places_of(settings)),
        )


def _begin_era(database: Database) -> None:
    """What this process changes is of an era of its own: the database may be a restored one."""
    try:
        with database.write() as session:
            eras.begin(session)
    except KenalError as error:
        # It is no reason not to serve: another process, or the next start, begins one.
        _log.warning("no era of changes could be begun (%s)", error.code)


def _rule(settings: Settings, own_threshold: float) -> Rule:
    """The rule the settings ask for, by default with the network's own threshold."""
    if settings.threshold is None:
        return Rule(own_threshold, settings.margin)
    if settings.threshold < own_threshold:
        _log.warning(
            "KENAL_THRESHOLD %g is below %g, the least at which this network tells people apart: "
            "strangers may be taken for enrolled people",
            settings.threshold,
            own_threshold,
        )
    return Rule(settings.threshold, settings.margin)


def _look_after(gallery: LiveGallery) -> None:
    """Compare the index with the database, and mend it where that is soon done."""
    fault = gallery.compare()
    if gallery.count_with(fault) > _MENDED_AT_START:
        if fault is not None:
            _log.warning("%s; every face is compared until it is made anew", fault)
        return
    try:
        gallery.mend()
    except (OSError, StorageFull) as error:
        _log.warning("the index cannot be made anew yet [%s]", describe(error))


def open_gallery(database: Database, settings: Settings, spec: EmbeddingSpec) -> LiveGallery:
    """The live gallery of one embedding space; needs no network."""
    folder = settings.data_dir / "index"
    policy = Policy(build_jobs=settings.index_threads or os.cpu_count() or 1)
    index = FaceIndex.open(folder / spec.digest, spec, policy)
    return LiveGallery(database, index, spec, folder / f"{spec.digest}.repair.lock")
