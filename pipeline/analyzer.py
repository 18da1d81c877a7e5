"""A photo's faces and their embeddings, in pixels of the upright original."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import FaceTooSmall, MultipleFaces, NoFace
from core.settings import Settings
from core.types import Box, EmbeddingSpec, Face, Matrix
from pipeline.builder import build_detector, build_embedder
from pipeline.detection.detector import Detector
from pipeline.embedders.embedder import Embedder
from pipeline.images.decode import Photo
from pipeline.models.registry import find
from pipeline.quality import Look, SeenFace, seen


class UnusedReason(StrEnum):
    """Why a found face is not embedded."""

    TOO_SMALL = "face_too_small"
    NOT_LARGEST = "not_largest"


@dataclass(frozen=True, slots=True)
class UnusedFace:
    box: Box
    reason: UnusedReason


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of one photo: the usable ones by area, largest first, and the others."""

    usable: tuple[Face, ...]
    unused: tuple[UnusedFace, ...]


@dataclass(frozen=True, slots=True)
class LeastFace:
    """The narrowest usable face: `px` of the upright original, and `part` of its longer side.

    The second bounds the work on large photos, where a face of a few pixels
    is nobody's portrait.
    """

    px: float
    part: float = 0.0

    def of(self, photo: Photo) -> float:
        """In pixels of the original."""
        return max(self.px, self.part * max(photo.width, photo.height))


class Analyzer:
    """One detector and one embedder; safe to call from many threads once built."""

    def __init__(
        self,
        detector: Detector,
        embedder: Embedder,
        least_face: LeastFace,
        look: Look = seen,
    ) -> None:
        self._detector, self._embedder = detector, embedder
        self._least_face, self._look = least_face, look

    @property
    def spec(self) -> EmbeddingSpec:
        return self._embedder.spec

    @property
    def default_threshold(self) -> float:
        return self._embedder.default_threshold

    def load(self) -> None:
        """Load both networks now; raises ModelUnavailable."""
        self._detector.load()
        self._embedder.load()

    def detect(self, photo: Photo, largest_only: bool = False) -> Detection:
        """The photo's faces; those narrower than the least usable one are unused.

        With `largest_only`, which takes less time, faces clearly smaller than the largest may be
        left out.

        Raises ModelUnavailable and ModelError.
        """
        least = self._least_face.of(photo)
        found = self._detector.detect(photo.rgb, least * photo.scale, largest_only)
        faces = [face.scaled(1 / photo.scale) for face in found]
        faces.sort(key=lambda face: -face.box.area)
        usable = [face for face in faces if face.box.width >= least]
        small = [face for face in faces if face.box.width < least]
        unused = [UnusedFace(face.box, UnusedReason.TOO_SMALL) for face in small]
        return Detection(tuple(usable), tuple(unused))

    def look(self, photo: Photo, faces: Sequence[Face]) -> list[SeenFace]:
        """Faces that `detect` gave for this photo, with their quality."""
        return [self._look(photo, face) for face in faces]

    def embed(self, photo: Photo, faces: Sequence[Face]) -> Matrix:
        """Embeddings of faces that `detect` gave for this photo, (n, d); none give (0, d).

        Raises ModelUnavailable and ModelError.
        """
        return self._embedder.embed(photo.rgb, [face.scaled(photo.scale) for face in faces])


BuildAnalyzer = Callable[[str, Settings], Analyzer]
"""Makes the analyzer of an embedder's id; tests bring their own."""


def build_analyzer(embedder_id: str, settings: Settings) -> Analyzer:
    """The analyzer for a resolved embedder id (never `auto`); its networks are not loaded yet.

    Raises NotFound, InvalidParameter for a detector's id, or ModelUnavailable for a manifest
    that cannot be used.
    """
    embedder = build_embedder(find(embedder_id, settings), settings)
    least_face = LeastFace(settings.min_face_px, settings.min_face_part)
    return Analyzer(build_detector(settings), embedder, least_face)


def exactly_one(detection: Detection, dominant_face: float | None) -> Face:
    """The one face to enroll.

    With `dominant_face` a largest face whose area is at least that many times the next one's
    is taken; without it two faces are always refused. Raises NoFace, FaceTooSmall,
    or MultipleFaces with the boxes, largest first.
    """
    if not detection.usable:
        raise nothing_usable(detection)
    largest, *others = detection.usable
    if others and not (dominant_face and largest.box.area >= dominant_face * others[0].box.area):
        raise MultipleFaces(
            "the photo shows more than one face; enroll a photo of one person",
            {"boxes": [_rounded(face.box) for face in detection.usable]},
        )
    return largest


def nothing_usable(detection: Detection) -> NoFace | FaceTooSmall:
    """The refusal of a photo without a usable face, saying whether one was found at all."""
    if not detection.unused:
        return NoFace("no face was found in the photo")
    return FaceTooSmall(
        "the face in the photo is too small",
        {"boxes": [_rounded(face.box) for face in detection.unused]},
    )


def _rounded(box: Box) -> dict[str, int]:
    return {
        "x": round(box.x),
        "y": round(box.y),
        "width": round(box.width),
        "height": round(box.height),
    }
