"""The least similarity of a match in each space: nobody's is taken over to another network."""

from core.settings import Settings
from db.session import Session
from pipeline.analyzer import Analyzer
from pipeline.thresholds import threshold_of


def least_similarity(session: Session, settings: Settings, analyzer: Analyzer) -> float:
    """The least similarity of a match in the space of this network."""
    return threshold_of(session, settings, analyzer.spec, analyzer.default_threshold).value
