"""The faces of a photo with their embeddings, for who compares them himself."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import KenalError, NoFace, TooLarge
from core.types import Face, Vector
from pipeline.analyzer import Analyzer, Detection, nothing_usable
from pipeline.images.decode import decode
from pipeline.recognizer import Stopwatch
from pipeline.turns import Turns


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which faces: of at least this confidence, the largest `most` of them, or all for 0."""

    least_confidence: float = 0.0
    most: int = 0
    embeddings: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Faces, largest first, and an embedding for each where they were wanted."""

    faces: Sequence[Face]
    vectors: Sequence[Vector]
    timings_ms: dict[str, float]


class Scanner:
    """Looks at photos, each when it is its turn; nothing of them is stored. Thread-safe."""

    def __init__(
        self, analyzer: Analyzer, turns: Turns, *, max_bytes: int, max_pixels: int
    ) -> None:
        self._analyzer, self._turns = analyzer, turns
        self._max_bytes, self._max_pixels = max_bytes, max_pixels

    def scan(self, data: bytes, wanted: Wanted, caller: str) -> Scan:
        """Raises Crowded, PhotoError, ModelError; NoFace or FaceTooSmall where none is left."""
        if len(data) > self._max_bytes:
            raise TooLarge("the photo is larger than allowed")
        watch = Stopwatch()
        with self._turns.turn(caller):
            watch.lap("wait")
            photo = decode(data, self._max_pixels)
            watch.lap("decode")
            # A face that is not the largest may be the largest of those that are certain enough.
            largest_only = wanted.most == 1 and wanted.least_confidence == 0
            found = self._analyzer.detect(photo, largest_only)
            sure = [face for face in found.usable if face.confidence >= wanted.least_confidence]
            watch.lap("detect")
            if not sure:
                raise _nothing(found)
            faces = sure[: wanted.most or None]
            vectors = list(self._analyzer.embed(photo, faces)) if wanted.embeddings else []
            watch.lap("embed")
        return Scan(faces, vectors, watch.total())


def _nothing(found: Detection) -> KenalError:
    if found.usable:
        return NoFace("no face was found in the photo with such confidence")
    return nothing_usable(found)
