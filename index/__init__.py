"""The vector index: disposable, rebuilt from the database, exact in what it answers."""

from index.facade import FaceIndex
from index.policy import Policy
from index.report import IndexReport

__all__ = ["FaceIndex", "IndexReport", "Policy"]
