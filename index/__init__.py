"""The vector index: disposable, rebuilt from the database, exact in what it answers."""

from index.errors import WentBack
from index.facade import FaceIndex
from index.policy import Policy
from index.progress import OnProgress
from index.report import IndexReport, SegmentReport, TuneReport

__all__ = [
    "FaceIndex",
    "IndexReport",
    "OnProgress",
    "Policy",
    "SegmentReport",
    "TuneReport",
    "WentBack",
]
