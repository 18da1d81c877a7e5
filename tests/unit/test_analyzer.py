"""Scales, order and sizes of faces, and who may be enrolled. The networks are fakes."""

from collections.abc import Sequence

import numpy as np
import pytest

from core.errors import FaceTooSmall, InvalidParameter, MultipleFaces, NoFace, NotFound
from core.settings import Settings
from core.types import Box, EmbeddingSpec, Face, Landmarks, Matrix, Similarity
from pipeline.analyzer import (
    Analyzer,
    Detection,
    LeastFace,
    UnusedFace,
    UnusedReason,
    build_analyzer,
    exactly_one,
)
from pipeline.images.decode import Photo, Pixels


def face(x: float, width: float) -> Face:
    points = Landmarks(*[(x + i, 10.0 + i) for i in range(5)])
    return Face(Box(x, 10, width, width), 0.99, points)


class FakeDetector:
    id = "fake"

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces = list(faces)
        self.asked_px: list[float] = []

    def load(self) -> None: ...

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        self.asked_px.append(least_face_px)
        return list(self.faces)


class BoxEmbedder:
    """Its embedding of a face is the face's box, so that a test sees what it was given."""

    spec = EmbeddingSpec("boxes", "0" * 64, "fake", "none", "raw", 4, Similarity.COSINE)
    default_threshold = 0.5

    def load(self) -> None: ...

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        rows = [[f.box.x, f.box.y, f.box.width, f.box.height] for f in faces]
        return np.asarray(rows, dtype=np.float32).reshape(len(faces), 4)


def analyzer(*faces: Face) -> Analyzer:
    return Analyzer(FakeDetector(faces), BoxEmbedder(), LeastFace(40))


HALF = Photo(np.zeros((100, 200, 3), np.uint8), 0.5, 400, 200)


def test_faces_come_in_the_originals_pixels_largest_first() -> None:
    found = analyzer(face(10, 50), face(70, 80)).detect(HALF)
    assert [f.box for f in found.usable] == [Box(140, 20, 160, 160), Box(20, 20, 100, 100)]
    assert found.usable[0].landmarks.nose == (144.0, 24.0)
    assert found.unused == ()


def test_embedding_takes_the_same_faces_back() -> None:
    built = analyzer(face(10, 50), face(70, 80))
    matrix = built.embed(HALF, built.detect(HALF).usable)
    assert matrix.tolist() == [[70, 10, 80, 80], [10, 10, 50, 50]]
    assert built.embed(HALF, []).shape == (0, 4)


def test_small_faces_are_told_apart_in_the_originals_pixels() -> None:
    found = analyzer(face(10, 19), face(70, 20)).detect(HALF)
    assert [f.box.width for f in found.usable] == [40]
    assert found.unused == (UnusedFace(Box(20, 20, 38, 38), UnusedReason.TOO_SMALL),)


def test_in_a_large_photo_a_face_must_be_a_part_of_it() -> None:
    detector = FakeDetector([face(10, 49), face(70, 50)])
    built = Analyzer(detector, BoxEmbedder(), LeastFace(40, part=0.25))
    found = built.detect(HALF)  # a quarter of 400 px
    assert [f.box.width for f in found.usable] == [100]
    assert [f.box.width for f in found.unused] == [98]
    assert detector.asked_px == [50.0]  # of the working picture, which is half as large


def test_one_face_is_enrolled() -> None:
    only = face(10, 50)
    small = UnusedFace(Box(0, 0, 9, 9), UnusedReason.TOO_SMALL)
    assert exactly_one(Detection((only,), (small,)), None) is only


def test_two_faces_are_refused_with_their_boxes() -> None:
    two = Detection((face(70, 80), face(10, 20)), ())
    with pytest.raises(MultipleFaces) as caught:
        exactly_one(two, None)
    assert caught.value.details == {
        "boxes": [
            {"x": 70, "y": 10, "width": 80, "height": 80},
            {"x": 10, "y": 10, "width": 20, "height": 20},
        ]
    }


def test_a_dominant_face_is_dominant_by_area() -> None:
    two = Detection((face(70, 80), face(10, 40)), ())  # four times the area
    assert exactly_one(two, 4.0) is two.usable[0]
    with pytest.raises(MultipleFaces):
        exactly_one(two, 4.1)


def test_no_face_and_a_small_face_are_different_answers() -> None:
    with pytest.raises(NoFace):
        exactly_one(Detection((), ()), None)
    small = UnusedFace(Box(0, 0, 9.4, 9), UnusedReason.TOO_SMALL)
    with pytest.raises(FaceTooSmall) as caught:
        exactly_one(Detection((), (small,)), 2.0)
    assert caught.value.details == {"boxes": [{"x": 0, "y": 0, "width": 9, "height": 9}]}


def test_building_loads_nothing_and_knows_the_names(tmp_path: object) -> None:
    settings = Settings(model_dir=tmp_path)
    built = build_analyzer("facenet", settings)
    assert (built.spec.embedder, built.spec.dimensions) == ("facenet", 512)
    with pytest.raises(NotFound, match="facenet, dlib, mobilefacenet"):
        build_analyzer("nobody", settings)
    with pytest.raises(InvalidParameter):
        build_analyzer("mtcnn", settings)
