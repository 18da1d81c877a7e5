"""Which embedding space this gallery lives in: chosen once, recorded, and held to."""

import logging

from core.errors import NotReady
from core.settings import Settings
from core.types import EmbeddingSpec
from db import faces, gallery
from db.gallery import Chosen
from db.session import Database
from pipeline.analyzer import BuildAnalyzer, build_analyzer
from pipeline.choice import resolve

_log = logging.getLogger(__name__)


def choose_embedder(
    database: Database, settings: Settings, build: BuildAnalyzer = build_analyzer
) -> Chosen:
    """The recorded embedder, or, for a gallery without one, the one the settings ask for.

    Raises NotReady where faces are enrolled and the settings, or changed weights, would
    compare them with embeddings of another space.
    """
    with database.read() as session:
        recorded = gallery.chosen(session)
        has_faces = faces.has_any(session)
    if recorded is not None and settings.embedder in ("auto", recorded.embedder):
        embedder, reason = recorded.embedder, recorded.reason
    elif recorded is not None and has_faces:
        raise NotReady(
            f"this gallery was enrolled with {recorded.embedder}, which {settings.embedder} cannot"
            f" read: set KENAL_EMBEDDER to auto or {recorded.embedder}, or start with an empty"
            " KENAL_DATA_DIR and let the photos be enrolled anew"
        )
    else:
        choice = resolve(settings)
        embedder, reason = choice.embedder, choice.reason
        _log.info("embedder: %s (%s)", embedder, reason)
    spec = build(embedder, settings).spec
    if recorded is None or recorded.spec != spec:
        _record(database, recorded, Chosen(embedder, reason, spec), has_faces)
    return Chosen(embedder, reason, spec)


def _record(database: Database, recorded: Chosen | None, choice: Chosen, has_faces: bool) -> None:
    if recorded is not None and has_faces:
        _refuse_other_space(recorded.spec, choice.spec)
    with database.write() as session:
        # Another process may have recorded its choice meanwhile: the first one stands.
        current = gallery.chosen(session)
        if current is None or current == recorded:
            gallery.record(session, choice)
        elif current.spec != choice.spec:
            raise NotReady("another process chose another embedder just now; start again")


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
