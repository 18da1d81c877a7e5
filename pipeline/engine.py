"""Everything that answers in one embedding space, assembled whole: nothing of it is of another."""

import logging
import os
from dataclasses import dataclass

from core.errors import StorageFull
from core.logs import describe
from core.settings import Settings
from core.types import EmbeddingSpec
from db.gallery import Chosen
from db.session import Database
from index import FaceIndex, Policy
from pipeline.analyzer import Analyzer
from pipeline.bulk_alike import LookAlikes
from pipeline.checkins import CheckIns
from pipeline.converter import Converter, Limits
from pipeline.decision import Rule
from pipeline.embedding_enrollment import EmbeddingEnrollment
from pipeline.enrollment import Enrollment
from pipeline.examiner import Examiner
from pipeline.gallery import LiveGallery
from pipeline.pictures import Pictures
from pipeline.recognizer import Recognizer
from pipeline.streams import Streams, places_of
from pipeline.thresholds import Origin, Threshold, threshold_of
from pipeline.turns import Turns, turns_of

_log = logging.getLogger(__name__)
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
    threshold: Threshold
    """As of when this was assembled; all of it judges by this one."""

    @property
    def rule(self) -> Rule:
        return self.recognizer.rule


@dataclass(frozen=True, slots=True)
class SharedTurns:
    """Whose turn it is in this process, whatever space is asked."""

    photos: Turns
    streams: Turns

    @classmethod
    def of(cls, settings: Settings) -> "SharedTurns":
        return cls(turns_of(settings), places_of(settings))


def assemble(
    database: Database, settings: Settings, chosen: Chosen, analyzer: Analyzer, turns: SharedTurns
) -> Engine:
    """The engine of a space, whose network is loaded here; raises KenalError."""
    analyzer.load()
    gallery = open_gallery(database, settings, chosen.spec)
    _look_after(gallery)
    engine = _judging(database, settings, chosen, analyzer, gallery, turns=turns)
    _warn_of_low(engine.threshold, analyzer.default_threshold)
    return engine


def judging_anew(
    database: Database, settings: Settings, engine: Engine, turns: SharedTurns
) -> Engine:
    """The same engine with the threshold of now: nothing is loaded or opened again."""
    return _judging(database, settings, engine.chosen, engine.analyzer, engine.gallery, turns=turns)


def _judging(
    database: Database,
    settings: Settings,
    chosen: Chosen,
    analyzer: Analyzer,
    gallery: LiveGallery,
    *,
    turns: SharedTurns,
) -> Engine:
    with database.read() as session:
        threshold = threshold_of(session, settings, chosen.spec, analyzer.default_threshold)
    rule = Rule(threshold.value, settings.margin, threshold.in_force)
    limits = limits_of(settings)
    converter = Converter(
        database,
        analyzer,
        gallery,
        settings.photo_dir,
        limits=limits,
        threshold=rule.threshold,
        mode=settings.enroll_mode,
    )
    recognizer = Recognizer(database, analyzer, gallery, limits, rule, turns=turns.photos)
    # Asked by whoever holds one of those turns already: it has always room.
    inner = Recognizer(
        database, analyzer, gallery, limits, rule, turns=Turns(settings.working_photos, 0)
    )
    look_alikes = LookAlikes(database, gallery, chosen.spec, rule.threshold)
    return Engine(
        chosen=chosen,
        analyzer=analyzer,
        gallery=gallery,
        recognizer=recognizer,
        converter=converter,
        enrollment=Enrollment(converter, settings.photo_dir),
        embeddings=EmbeddingEnrollment(
            database, settings.photo_dir, look_alikes, chosen.spec, rule.threshold
        ),
        examiner=Examiner(analyzer, limits, recognizer.turns),
        check_ins=CheckIns(database, inner, recognizer.turns, Pictures(settings), settings),
        streams=Streams(analyzer, recognizer, recognizer.turns, turns.streams),
        threshold=threshold,
    )


def limits_of(settings: Settings) -> Limits:
    """What a photo may be."""
    return Limits(settings.max_upload_bytes, settings.max_image_pixels, settings.dominant_face)


def _warn_of_low(threshold: Threshold, own: float) -> None:
    if threshold.origin in (Origin.SETTING, Origin.GIVEN) and threshold.value < own:
        _log.warning(
            "KENAL_THRESHOLD %g is below %g, the least at which this network tells people apart: "
            "strangers may be taken for enrolled people",
            threshold.value,
            own,
        )


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
