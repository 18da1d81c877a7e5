"""What a photo of a folder is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.crop import crop_jpeg
from edge.detection import Detector
from edge.gate import Rules, Sight
from edge.quality import frontal
from edge.registering.choosing import TIMES_AS_LARGE, context_without, in_best_pixels, sight_of
from edge.registering.pictures import Photo, PictureError, decoded
from edge.registering.types import Embedder, Sample
from edge.types import Face, Frame

NO_FACE, SEVERAL, TOO_SMALL = "no face", "several faces", "the face is too small"
NOT_SHARP, TURNED = "not sharp", "not from the front"


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A photo that will do. `sample.jpeg` is empty where the file itself shows one face only."""

    path: Path
    sha256: str
    sample: Sample


class Examiner:
    """Looks at photos, one after another."""

    def __init__(self, detector: Detector, rules: Rules, embedder: Embedder | None) -> None:
        self._detector, self._rules, self._embedder = detector, rules, embedder

    def examine(self, path: Path, photo: Photo) -> Examined:
        """Raises PictureError, which says why it will not do."""
        frame = Frame(decoded(photo), 0, captured_at=0.0, captured_monotonic=0.0)
        faces = self._detector.find(frame.image)
        sight = portrait(frame, faces, self._rules)
        vector = None
        if self._embedder is not None:
            vector = self._embedder.embed(*in_best_pixels(frame, sight.track.face))
        return Examined(path, photo.sha256, Sample(_alone(sight, faces), vector))


def portrait(frame: Frame, faces: Sequence[Face], rules: Rules) -> Sight:
    """The face that the photo is of; raises PictureError. It may touch the border."""
    if not faces:
        raise PictureError(NO_FACE)
    largest, *others = sorted(faces, key=lambda face: -face.box[2])
    if others and largest.box[2] < TIMES_AS_LARGE * others[0].box[2]:
        raise PictureError(SEVERAL)
    sight = sight_of(frame, largest)
    if sight.width_px < rules.least_face_px:
        raise PictureError(TOO_SMALL)
    if frontal(largest.landmarks) < rules.least_frontal:
        raise PictureError(TURNED)
    if sight.sharpness < rules.least_sharpness:
        raise PictureError(NOT_SHARP)
    return sight


def _alone(sight: Sight, faces: Sequence[Face]) -> bytes:
    """The face cut out where the photo has others: the server takes one only."""
    own = sight.track.face
    others = [face.box for face in faces if face is not own]
    if not others:
        return b""
    context = context_without(own.box, others)
    if context is None:
        raise PictureError(SEVERAL)
    return crop_jpeg(sight.frame, own, context)
