"""The pairs that an embedder judges worst, by name and as a sheet of faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import KenalError
from core.files import read_regular
from evaluation.crops import largest_face, png, square_crop
from evaluation.datasets.dataset import Picture
from evaluation.embedding import Limits
from evaluation.evaluate import Evaluation, Result
from evaluation.verification import worst
from pipeline.detection.detector import Detector
from pipeline.images.decode import Pixels, decode

MOST_PAIRS = 10
_FACE_PX = 120
_GAP_PX = 14
_TEXT_PX = 34
_COLUMNS = 2
_TEXT_SIZE = 13
_INK, _RED = (32, 32, 32), (176, 0, 32)


@dataclass(frozen=True, slots=True)
class Worst:
    """One pair: of one person and little alike, or of two people and much alike.

    `wrong` says whether the threshold judges it wrongly.
    """

    embedder: str
    genuine: bool
    similarity: float
    wrong: bool
    first: str
    second: str


class FaceOf(Protocol):
    """A named photo's face, square, or None where there is none to show."""

    def __call__(self, name: str) -> Pixels | None: ...


def worst_of(found: Evaluation, most: int = MOST_PAIRS) -> list[Worst]:
    """The worst pairs of every embedder, worst first, those of one person before those of two."""
    return [
        pair
        for result in found.results
        for genuine in (True, False)
        for pair in _of_kind(found, result, genuine, most)
    ]


class Faces:
    """Cuts faces out of the photos again; each photo once."""

    def __init__(
        self, pictures: Mapping[str, Picture], detector: Detector, limits: Limits, least_px: float
    ) -> None:
        self._pictures, self._detector = pictures, detector
        self._limits, self._least_px = limits, least_px
        self._found: dict[str, Pixels | None] = {}

    def __call__(self, name: str) -> Pixels | None:
        """See FaceOf."""
        if name not in self._found:
            self._found[name] = self._cut(name)
        return self._found[name]

    def _cut(self, name: str) -> Pixels | None:
        if name not in self._pictures:
            return None
        try:
            data, _ = read_regular(self._pictures[name].path, self._limits.max_bytes)
            photo = decode(data, self._limits.max_pixels)
            face = largest_face(self._detector, photo, self._least_px)
        except KenalError:
            return None  # It changed since it was measured: the pair is shown by name.
        return square_crop(photo, face, 0.15, _FACE_PX)


def sheet(pairs: Sequence[Worst], face_of: FaceOf) -> bytes | None:
    """A PNG of the pairs' faces, side by side with their similarity; None without any face.

    Red is what the threshold judges wrongly.
    """
    faces = [(face_of(pair.first), face_of(pair.second)) for pair in pairs]
    if not any(face is not None for couple in faces for face in couple):
        return None
    rows = -(-len(pairs) // _COLUMNS)
    cell = (2 * _FACE_PX + 2 * _GAP_PX, _FACE_PX + _TEXT_PX + _GAP_PX)
    canvas = Image.new("RGB", (cell[0] * _COLUMNS + _GAP_PX, cell[1] * rows + _GAP_PX), "white")
    for place, (pair, couple) in enumerate(zip(pairs, faces, strict=True)):
        left = _GAP_PX + place % _COLUMNS * cell[0]
        top = _GAP_PX + place // _COLUMNS * cell[1]
        _draw(canvas, (left, top), place + 1, pair, couple)
    return png(np.asarray(canvas))


def _draw(
    canvas: Image.Image,
    at: tuple[int, int],
    number: int,
    pair: Worst,
    faces: tuple[Pixels | None, Pixels | None],
) -> None:
    for side, face in enumerate(faces):
        if face is not None:
            canvas.paste(Image.fromarray(face), (at[0] + side * (_FACE_PX + 2), at[1]))
    font = ImageFont.load_default(_TEXT_SIZE)
    said = f"{number}.  {pair.similarity:.4f}  {'wrong' if pair.wrong else 'right'}"
    place = (at[0], at[1] + _FACE_PX + 4)
    ImageDraw.Draw(canvas).text(place, said, fill=_RED if pair.wrong else _INK, font=font)


def _of_kind(found: Evaluation, result: Result, genuine: bool, most: int) -> list[Worst]:
    judged = result.verification
    pairs = judged.comparisons
    return [
        Worst(
            embedder=result.embedder,
            genuine=genuine,
            similarity=float(judged.similarities[place]),
            wrong=bool((judged.similarities[place] >= judged.threshold) != genuine),
            first=found.names[int(pairs.first[place])],
            second=found.names[int(pairs.second[place])],
        )
        for place in worst(judged, genuine, most).tolist()
    ]
