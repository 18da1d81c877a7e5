"""Which written threshold a space has: nobody's is taken over to the scale of another network."""

from core.settings import Settings
from core.types import EmbeddingSpec
from db import switching
from db.session import Session
from db.switching import ThresholdOf
from pipeline.analyzer import Analyzer


def written_for(session: Session, settings: Settings, spec: EmbeddingSpec) -> float | None:
    """What an operator wrote down for this space; None: what else there is counts.

    KENAL_THRESHOLD is on the scale of the network that was there when it was set: of one that was
    switched to, it is what `flask models use` was told.
    """
    said = switching.threshold(session, spec)
    return settings.threshold if said.of is ThresholdOf.SETTINGS else said.value


def least_similarity(session: Session, settings: Settings, analyzer: Analyzer) -> float:
    """The least similarity of a match in the space of this network."""
    written = written_for(session, settings, analyzer.spec)
    return analyzer.default_threshold if written is None else written
