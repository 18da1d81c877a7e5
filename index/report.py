"""What the index says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment: `live` of its `count` faces live; `bytes` on disk.

    `proposer` is what finds candidates in it (`exact`, `sketch` or `annoy`), `recall` what was
    measured for it when it was built or tuned, `search_k` the candidates Annoy inspects.
    `checked` is false while its large files are still being compared with their checksums.
    """

    name: str
    count: int
    live: int
    bytes: int
    proposer: str
    search_k: int
    recall: float
    checked: bool


@dataclass(frozen=True, slots=True)
class IndexReport:
    """`live_faces` = vectors in segments + `delta` − `tombstones`; no `problems`: all is well.

    `position` is the seq applied up to, `covered` the seq the segments cover. `degraded` says why
    searches are right but slower than they should be.
    """

    position: int
    covered: int
    segments: tuple[SegmentReport, ...]
    live_faces: int
    delta: int
    tombstones: int
    degraded: str | None
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What `tune` measured and recorded: recall of the best face, and time, over `probes`."""

    target: float
    probes: int
    recall: float
    p50_ms: float
    p99_ms: float
