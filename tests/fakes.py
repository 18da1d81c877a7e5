"""Networks that read colors instead of faces: fast, deterministic, and honest about similarity.

In a picture every stripe of color on black is a face, and its color is a person. The detector and
the embedder are fakes; what stands around them is Kenal's own Analyzer.
"""

import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import ModelUnavailable
from core.settings import Settings
from core.types import Box, EmbeddingSpec, Face, Landmarks, Matrix, Similarity, Vector
from db import migrate
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.embedders.embedder import checked_matrix
from pipeline.face_measures import Measures
from pipeline.images.decode import Photo, Pixels
from pipeline.quality import SeenFace, judged
from pipeline.services import Engine, Services
from pipeline.setup import prepare_embedder

EMBEDDER = "colors"
THRESHOLD = 0.6
DIMENSIONS = 64
NOT_A_NUMBER = 511
"""The person whose embedding is broken: a ModelError."""
BUG = 510
"""The person at whom the detector raises what no code expects."""
BLURRED, HOPELESS = 509, 508
"""People who never hold still: doubtful photos, and such as are no use to anybody."""
_SHARPNESS = {BLURRED: 0.05, HOPELESS: 0.01}
_CELL = 32
_BACKGROUND = 16


def spec(weights: str = "0" * 64) -> EmbeddingSpec:
    """The space of the fake; other `weights`, another space."""
    return EmbeddingSpec(
        EMBEDDER, weights, "stripes", "none", "unit", DIMENSIONS, Similarity.COSINE
    )


class FakeDetector:
    """Every run of columns that are not black is a face as wide as the run."""

    id = "stripes"

    def load(self) -> None:
        """Nothing to load."""

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        columns = rgb[rgb.shape[0] // 2].max(axis=1) >= _BACKGROUND
        edges = np.flatnonzero(np.diff(np.concatenate(([False], columns, [False])).astype(np.int8)))
        faces = [_face(rgb, int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        if any(_person(_color(rgb, face)) == BUG for face in faces):
            raise RuntimeError("/secret/path: a bug of the network")
        return faces


class FakeEmbedder:
    """A person's vector is drawn from the color's upper bits, and bent a little by the lower."""

    default_threshold = THRESHOLD

    def __init__(self, weights: str = "0" * 64, missing: bool = False) -> None:
        self.spec = spec(weights)
        self._missing = missing

    def load(self) -> None:
        if self._missing:
            raise ModelUnavailable("the weights of colors are not there or cannot be read")

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        return checked_matrix([vector_of(_color(rgb, face)) for face in faces], DIMENSIONS)


@dataclass(frozen=True)
class FakeNetworks:
    """Stands in for pipeline.analyzer.build_analyzer."""

    weights: str = "0" * 64
    missing: bool = False

    def __call__(self, embedder_id: str, settings: Settings) -> Analyzer:
        assert embedder_id == EMBEDDER
        embedder = FakeEmbedder(self.weights, self.missing)
        return Analyzer(FakeDetector(), embedder, LeastFace(settings.min_face_px), fake_look)


def fake_look(photo: Photo, face: Face) -> SeenFace:
    """Everybody's photos are good but those of BLURRED and HOPELESS."""
    sharpness = _SHARPNESS.get(_person(_color(photo.rgb, face.scaled(photo.scale))), 0.5)
    measures = Measures(round(face.box.width), sharpness, 128.0, 40.0, 0.0, 0.0, 0.0, 0.0)
    return SeenFace(face.box, face.confidence, face.landmarks, judged(measures))


def vector_of(color: tuple[int, int, int]) -> Vector:
    """A color's embedding: similarity of one person's shades >= 0.95, of two people about 0."""
    person = _person(color)
    if person == NOT_A_NUMBER:
        return np.full(DIMENSIONS, math.nan, dtype=np.float32)
    values = _direction(f"person {person}") + 0.15 * _direction(f"shade {color}")
    return np.asarray(values / np.linalg.norm(values), dtype=np.float32)


def portrait(
    person: int, shade: int = 0, file_format: str = "PNG", size: tuple[int, int] = (120, 160)
) -> bytes:
    """A photo of one person, 1-511, filling the frame; `shade` -12..12 makes other photos."""
    return _encoded(Image.new("RGB", size, color_of(person, shade)), file_format)


def group(people: Sequence[int], widths_px: Sequence[int], file_format: str = "PNG") -> bytes:
    """A photo of several people side by side, each as wide as said, 20 px apart."""
    picture = Image.new("RGB", (sum(widths_px) + 20 * (len(people) + 1), 160))
    left = 20
    for person, width in zip(people, widths_px, strict=True):
        picture.paste(color_of(person), (left, 0, left + width, 160))
        left += width + 20
    return _encoded(picture, file_format)


def nobody() -> bytes:
    """A photo without a face."""
    return _encoded(Image.new("RGB", (120, 160)), "PNG")


def color_of(person: int, shade: int = 0) -> tuple[int, int, int]:
    """The middle of the person's color cell, moved by `shade` in red."""
    assert 1 <= person <= NOT_A_NUMBER
    assert abs(shade) <= 12
    red, green, blue = ((person >> bits & 7) * _CELL + _CELL // 2 for bits in (6, 3, 0))
    return red + shade, green, blue


def fake_settings(
    folder: Path,
    max_upload_mb: int = 20,
    max_image_mp: int = 64,
    dominant_face: float | None = None,
    threshold: float | None = None,
    margin: float = 0.02,
    rescan_seconds: float = 60,
    stable_seconds: float = 0.1,
) -> Settings:
    """Settings of a service whose data and drop folder lie in `folder`."""
    return Settings(
        data_dir=folder / "var",
        photo_dir=folder / "photo_storage",
        embedder=EMBEDDER,
        max_upload_mb=max_upload_mb,
        max_image_mp=max_image_mp,
        dominant_face=dominant_face,
        threshold=threshold,
        margin=margin,
        rescan_seconds=rescan_seconds,
        stable_seconds=stable_seconds,
    )


def make_services(settings: Settings, networks: FakeNetworks | None = None) -> Services:
    """Services with fake networks and a migrated SQLite, not started; the caller closes them."""
    networks = networks or FakeNetworks()
    services = Services.build(settings, networks)
    migrate.upgrade(services.database)
    prepare_embedder(services.database, settings, lambda _: None, networks)
    return services


def make_engine(folder: Path) -> tuple[Services, Engine]:
    """Started services in `folder` and their engine; the caller closes the services."""
    services = make_services(fake_settings(folder))
    return services, services.start()


def _direction(name: str) -> Vector:
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(DIMENSIONS)
    return np.asarray(values / np.linalg.norm(values), dtype=np.float32)


def _person(color: tuple[int, int, int]) -> int:
    red, green, blue = (channel // _CELL for channel in color)
    return red << 6 | green << 3 | blue


def _color(rgb: Pixels, face: Face) -> tuple[int, int, int]:
    x, y = face.box.center
    red, green, blue = rgb[min(int(y), rgb.shape[0] - 1), min(int(x), rgb.shape[1] - 1)].tolist()
    return red, green, blue


def _face(rgb: Pixels, left: int, right: int) -> Face:
    width, height = right - left, rgb.shape[0]
    x, eyes, nose, mouth = left + width / 2, height * 0.4, height * 0.5, height * 0.7
    points = ((x - width / 5, eyes), (x + width / 5, eyes), (x, nose))
    mouths = ((x - width / 6, mouth), (x + width / 6, mouth))
    return Face(Box(left, 0, width, height), 0.999, Landmarks(*points, *mouths))


def _encoded(picture: Image.Image, file_format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, file_format)
    return stream.getvalue()
