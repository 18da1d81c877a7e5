"""What the index says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexReport:
    """`live_faces` = vectors in segments + `delta` − `tombstones`; no `problems`: all is well.

    `position` is the seq applied up to, `covered` the seq the segments cover.
    """

    position: int
    covered: int
    segments: int
    live_faces: int
    delta: int
    tombstones: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems
