"""What can be said of photos without the gallery: faces, embeddings, how alike two are."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Busy, KenalError, TooLarge
from core.types import Decision, EmbeddingSpec, Vector
from core.vectors import similarity_of
from pipeline.analyzer import Analyzer, UnusedFace
from pipeline.converter import Limits
from pipeline.images.decode import Photo, decode
from pipeline.quality import SeenFace
from pipeline.recognizer import FaceChoice, Stopwatch, choose
from pipeline.turns import Turns


@dataclass(frozen=True, slots=True)
class Detected:
    """The usable faces of a photo, largest first, and the others."""

    faces: Sequence[SeenFace]
    unused: Sequence[UnusedFace]
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Faces with an embedding each."""

    faces: Sequence[SeenFace]
    vectors: Sequence[Vector]
    unused: Sequence[UnusedFace]
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Side:
    """The largest face of one of two photos, and the faces that were not compared."""

    face: SeenFace
    unused: Sequence[UnusedFace]


@dataclass(frozen=True, slots=True)
class Comparison:
    decision: Decision
    similarity: float
    photo: Side
    reference: Side
    timings_ms: dict[str, float]


class Examiner:
    """Looks at photos, each when it is its turn; nothing of them is stored. Thread-safe.

    Everything raises Crowded, PhotoError and ModelError. `caller` is whose turn it is.
    """

    def __init__(self, analyzer: Analyzer, limits: Limits, turns: Turns) -> None:
        self._analyzer, self._limits, self._turns = analyzer, limits, turns

    @property
    def spec(self) -> EmbeddingSpec:
        return self._analyzer.spec

    def detect(self, data: bytes, caller: str) -> Detected:
        """Every face of a photo; none is no error."""
        watch = Stopwatch()
        with self._turns.turn(caller):
            watch.lap("wait")
            photo = self._decoded(data)
            watch.lap("decode")
            found = self._analyzer.detect(photo)
            watch.lap("detect")
            faces = self._analyzer.look(photo, found.usable)
            watch.lap("quality")
        return Detected(faces, found.unused, watch.total())

    def embed(self, data: bytes, choice: FaceChoice, caller: str) -> Embedded:
        """The embeddings of a photo's faces; NoFace or FaceTooSmall where there is none."""
        watch = Stopwatch()
        with self._turns.turn(caller):
            watch.lap("wait")
            faces, vectors, unused = self._embedded(data, choice)
            watch.lap("embed")
        return Embedded(faces, vectors, unused, watch.total())

    def compare(self, photo: bytes, reference: bytes, threshold: float, caller: str) -> Comparison:
        """Whether two photos show one person; an error's `details.photo` says which is meant."""
        watch = Stopwatch()
        with self._turns.turn(caller):
            watch.lap("wait")
            side, vector = self._side("photo", photo)
            watch.lap("photo")
            other, known = self._side("reference", reference)
            watch.lap("reference")
        similarity = similarity_of(vector, known, self.spec.similarity)
        # So written, what is not a number is no match.
        decision = Decision.MATCH if similarity >= threshold else Decision.NO_MATCH
        return Comparison(decision, similarity, side, other, watch.total())

    def _side(self, name: str, data: bytes) -> tuple[Side, Vector]:
        try:
            [face], [vector], unused = self._embedded(data, FaceChoice.LARGEST)
        except Busy:
            raise
        except KenalError as error:
            error.details["photo"] = name
            raise
        return Side(face, unused), vector

    def _embedded(
        self, data: bytes, choice: FaceChoice
    ) -> tuple[list[SeenFace], list[Vector], list[UnusedFace]]:
        photo = self._decoded(data)
        found = self._analyzer.detect(photo, choice is FaceChoice.LARGEST)
        faces, unused = choose(found, choice)
        seen = self._analyzer.look(photo, faces)
        return seen, list(self._analyzer.embed(photo, faces)), unused

    def _decoded(self, data: bytes) -> Photo:
        if len(data) > self._limits.max_upload_bytes:
            raise TooLarge("the photo is larger than allowed")
        return decode(data, self._limits.max_image_pixels)
