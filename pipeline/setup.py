"""Which embedding space this gallery lives in: chosen once, recorded, and held to."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.errors import ModelUnavailable, NotReady
from core.settings import Settings
from core.types import EmbeddingSpec
from db import faces, gallery, switching
from db.gallery import Chosen
from db.session import Database
from pipeline.analyzer import Analyzer, BuildAnalyzer, build_analyzer
from pipeline.models.entry import AUTO

if TYPE_CHECKING:
    from pipeline.models.choice import Choice

_log = logging.getLogger(__name__)
Prepare = Callable[[str], None]


def recorded_embedder(
    database: Database, settings: Settings, build: BuildAnalyzer = build_analyzer
) -> Chosen:
    """The embedder of this gallery, for a process that serves it.

    Raises NotReady where none is recorded yet, or where the settings or changed weights would
    compare the enrolled faces with embeddings of another space.
    """
    with database.read() as session:
        recorded = gallery.chosen(session)
        has_faces = faces.has_any(session)
        switched = switching.was_switched(session)
    if recorded is None:
        raise NotReady("no network is prepared for this gallery; run: flask models prepare")
    _check_wanted(recorded, settings, has_faces, switched)
    serving(recorded.spec, settings, build)
    return recorded


def serving(spec: EmbeddingSpec, settings: Settings, build: BuildAnalyzer) -> Analyzer:
    """The analyzer, not loaded, whose embeddings are of this very space.

    Raises NotReady where changed weights make embeddings of another one, and as `build` does.
    """
    analyzer = build(spec.embedder, settings)
    if analyzer.spec != spec:
        _refuse_other_space(spec, analyzer.spec)
    return analyzer


def prepare_embedder(
    database: Database,
    settings: Settings,
    prepare: Prepare,
    build: BuildAnalyzer = build_analyzer,
) -> Chosen:
    """Choose where nothing is chosen, `prepare` that network, and record it.

    `auto` falls back to dlib where FaceNet cannot be had after all. Raises NotReady as above,
    ModelUnavailable where the network that was asked for cannot be had.
    """
    # With the HTTP client that downloads: not for processes that only serve.
    from pipeline.models.choice import Choice, resolve  # noqa: PLC0415

    with database.read() as session:
        recorded = gallery.chosen(session)
        has_faces = faces.has_any(session)
        switched = switching.was_switched(session)
    stays = has_faces or switched or settings.embedder in (AUTO, getattr(recorded, "embedder", ""))
    if recorded is not None and stays:
        _check_wanted(recorded, settings, has_faces, switched)
        choice = Choice(recorded.embedder, recorded.reason)
        prepare(choice.embedder)
    else:
        choice = _prepared(resolve(settings), settings, prepare)
    chosen = Chosen(choice.embedder, choice.reason, build(choice.embedder, settings).spec)
    if recorded is not None and has_faces and recorded.spec != chosen.spec:
        _refuse_other_space(recorded.spec, chosen.spec)
    with database.write() as session:
        # An operator may have chosen another one meanwhile, with `flask models use`.
        now = gallery.chosen(session)
        if now == recorded:
            gallery.record(session, chosen)
    return chosen if now == recorded or now is None else now


def _prepared(choice: "Choice", settings: Settings, prepare: Prepare) -> "Choice":
    from pipeline.models.choice import fallback  # noqa: PLC0415 - as above

    try:
        prepare(choice.embedder)
    except ModelUnavailable as error:
        if settings.embedder != AUTO:
            raise
        _log.warning("%s: %s", choice.embedder, error.message)
        choice = fallback()
        prepare(choice.embedder)
    return choice


def _check_wanted(recorded: Chosen, settings: Settings, has_faces: bool, switched: bool) -> None:
    if settings.embedder in (AUTO, recorded.embedder):
        return
    if switched:
        # It was what the gallery began with: nobody wants a service that no longer starts.
        _log.warning(
            "KENAL_EMBEDDER %s is not used: %s was chosen with flask models use; set it to auto",
            settings.embedder,
            recorded.embedder,
        )
        return
    if not has_faces:
        raise NotReady(f"{settings.embedder} is not prepared yet; run: flask models prepare")
    raise NotReady(
        f"this gallery was enrolled with {recorded.embedder}, which {settings.embedder} cannot"
        f" read: set KENAL_EMBEDDER to auto or {recorded.embedder}; to go over to another network,"
        f" run: flask models use {settings.embedder}"
    )


def _refuse_other_space(recorded: EmbeddingSpec, now: EmbeddingSpec) -> None:
    changed = [
        field
        for field in EmbeddingSpec.__slots__
        if getattr(recorded, field) != getattr(now, field)
    ]
    raise NotReady(
        "the enrolled faces are of another space than this network's:"
        f" changed are {', '.join(changed)}"
    )
