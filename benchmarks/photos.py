"""Real photos for measurements: found, decoded, detected once and embedded by every network."""

import csv
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.settings import Settings
from core.types import Face, Matrix, Point
from pipeline.analyzer import LeastFace
from pipeline.builder import build_detector
from pipeline.detection.detector import Detector
from pipeline.embedders.embedder import Embedder
from pipeline.images.decode import Photo, decode
from pipeline.models.entry import DETECTOR
from pipeline.models.prepare import fetch, prepare, ready
from pipeline.models.registry import MOBILEFACENET

_MAX_PIXELS = 64_000_000
_SUFFIXES = frozenset([".jpg", ".jpeg", ".png"])

NOSES: Mapping[str, Sequence[Point]] = {
    "000_5": ((219, 105), (304, 251), (392, 218), (469, 309), (600, 299)),
    "007_B": ((205, 299),),
    "008_B": ((225, 256),),
    "009_C": ((166, 236),),
    "010_2": ((348, 232), (506, 262)),
    "011_3": ((314, 258), (449, 230), (385, 216)),
    "012_4": ((214, 213), (314, 242), (438, 233), (625, 247)),
    "013_4": ((275, 195), (335, 192), (423, 200), (492, 195)),
    "014_5": ((98, 283), (207, 265), (405, 175), (602, 270), (687, 305)),
    "015_6": ((161, 229), (267, 266), (350, 281), (450, 271), (555, 264), (635, 250)),
    "016_8": (
        *((197, 277), (262, 171), (261, 292), (355, 282)),
        *((437, 212), (452, 288), (517, 163), (684, 202)),
    ),
    "017_0": (),
}
"""Where CompreFace's acceptance test wants a face in `detection`, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Pair:
    first: str
    second: str
    genuine: bool


def shared_dir() -> Path:
    """The folder with the photos; raises SystemExit with a plain reason."""
    found = Path(os.environ.get("SHARED_DIR") or "../shared")
    if not (found / "faces").is_dir():
        raise SystemExit("real photos are not here: set SHARED_DIR to a folder that has faces/")
    return found


def photos(folder: Path) -> dict[str, Path]:
    """Every photo under `folder` by its relative name without the suffix."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    return {str(path.relative_to(folder).with_suffix("")): path for path in found}


def pairs(folder: Path) -> list[Pair]:
    """The labelled pairs of `faces/pairs`, by photo name without the suffix."""
    with (folder / "pairs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Pair(Path(row["file_x"]).stem, Path(row["file_y"]).stem, row["Decision"] == "Yes")
        for row in rows
    ]


class Faces:
    """The faces of photos: each photo is decoded and detected once, whatever embeds it."""

    def __init__(self, settings: Settings) -> None:
        self._detector: Detector = build_detector(settings)
        self._least = LeastFace(settings.min_face_px, settings.min_face_part)
        self._found: dict[Path, tuple[Photo, list[Face]]] = {}

    def of(self, path: Path) -> tuple[Photo, list[Face]]:
        """The photo and its faces in its working pixels, largest first."""
        if path not in self._found:
            photo = decode(path.read_bytes(), _MAX_PIXELS)
            faces = self._detector.detect(photo.rgb, self._least.of(photo) * photo.scale)
            self._found[path] = (photo, sorted(faces, key=lambda face: -face.box.area))
        return self._found[path]

    def usable(self, path: Path) -> tuple[Photo, list[Face]]:
        """The same without the faces that are too small to be compared."""
        photo, faces = self.of(path)
        least = self._least.of(photo) * photo.scale
        return photo, [face for face in faces if face.box.width >= least]

    def embedded(self, embedder: Embedder, named: Mapping[str, Path]) -> dict[str, Matrix]:
        """One (n, d) matrix a photo, its rows as the usable faces, largest first."""
        found = ((name, *self.usable(path)) for name, path in named.items())
        return {name: embedder.embed(photo.rgb, faces) for name, photo, faces in found}


def prepared(shared: Path, model_ids: Sequence[str]) -> Settings:
    """Settings whose MODEL_DIR has MTCNN and these networks, made once and kept for the next run.

    The small network comes from the shared photos' neighbors.
    """
    settings = Settings()
    for model_id in (DETECTOR, *model_ids):
        if model_id == MOBILEFACENET.id and not ready(model_id, settings):
            fetch(model_id, settings, from_file=shared / "models" / "mobilefacenet.onnx")
        prepare(model_id, settings)
    return settings


def couples(matrices: Mapping[str, Matrix]) -> Iterator[tuple[Matrix, Matrix]]:
    """Every two faces of one photo: nobody stands in a photo twice."""
    for matrix in matrices.values():
        yield from itertools.combinations(matrix, 2)
