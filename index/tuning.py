"""Measures the live index anew: with how much effort its searches reach a recall."""

import time
from dataclasses import replace

import numpy as np

from core.types import Match, Vector
from core.vectors import similarity_of
from index.measure import measured
from index.policy import Policy
from index.probes import probes
from index.progress import OnProgress
from index.report import TuneReport
from index.search import search
from index.snapshot import LiveSegment, Snapshot

_ROUNDING = 1e-5
_ANSWERS = 10
"""The probe itself may be enrolled, and others of its person: it is looked for among them."""


def tuned(
    snapshot: Snapshot, policy: Policy, on_progress: OnProgress
) -> tuple[LiveSegment, ...] | None:
    """The segments with the choice that `policy.recall` asks for; None where all are exact."""
    if all(part.segment.finders is None for part in snapshot.segments):
        return None
    return tuple(_tuned(snapshot, part, policy, on_progress) for part in snapshot.segments)


def _tuned(
    snapshot: Snapshot, part: LiveSegment, policy: Policy, on_progress: OnProgress
) -> LiveSegment:
    finders = part.segment.finders
    if finders is None:
        return part
    similarity = snapshot.spec.similarity
    found = probes(part.segment.rows.vectors, similarity, policy.probes, on_progress)
    return replace(part, choice=measured(finders, found, policy, policy.recall, on_progress))


def reported(snapshot: Snapshot, policy: Policy, on_progress: OnProgress) -> TuneReport:
    """Recall and time of whole searches, on probes of the largest segment."""
    largest = max(snapshot.segments, key=lambda part: part.segment.count)
    vectors = largest.segment.rows.vectors
    found = probes(vectors, snapshot.spec.similarity, policy.probes, on_progress)
    hits, seconds = 0, []
    for query, best in zip(found.queries, found.best, strict=True):
        face = int(largest.segment.rows.faces[best])
        started = time.perf_counter()
        answers = search(snapshot, query, _ANSWERS, policy)
        seconds.append(time.perf_counter() - started)
        hits += _found(snapshot, query, face, answers)
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return TuneReport(policy.recall, len(seconds), hits / len(seconds), float(p50), float(p99))


def _found(snapshot: Snapshot, query: Vector, face: int, answers: list[Match]) -> bool:
    """Whether `face` is among the answers; or only better ones are, of other segments."""
    rows = snapshot.rows_with(np.array([face]))
    if len(rows) == 0 or any(answer.face_id == face for answer in answers):
        return True
    own = similarity_of(query, rows.vectors[0], snapshot.spec.similarity)
    return len(answers) == _ANSWERS and answers[-1].similarity >= own - _ROUNDING
