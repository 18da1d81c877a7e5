"""A small face is enlarged before its landmarks are used; what is not found again is left alone."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.closer import SMALL_PX, closer
from edge.detection import YuNet
from edge.embedding import MobileFaceNet
from edge.types import Face, Landmarks, Pixels
from tests.edge.test_detection import photo

POINTS: Landmarks = ((1, 1), (2, 1), (1.5, 2), (1, 3), (2, 3))
PICTURE = np.zeros((200, 200, 3), np.uint8)


class Finds:
    """Finds what it is told to, and remembers how large the picture was."""

    def __init__(self, found: Sequence[Face]) -> None:
        self.found, self.sides = list(found), list[int]()

    def find(self, image: Pixels) -> list[Face]:
        self.sides.append(max(image.shape[:2]))
        return self.found


def face(width: float, x: float = 90, y: float = 90) -> Face:
    return Face((x, y, width, width), POINTS, 0.9)


def test_a_large_face_is_not_looked_at_twice() -> None:
    detector = Finds([])
    large = face(SMALL_PX)
    assert closer(PICTURE, large, detector) == (PICTURE, large)
    assert detector.sides == []


def test_a_small_one_is_enlarged() -> None:
    there: Landmarks = ((80, 90), (140, 90), (110, 120), (90, 150), (130, 150))
    detector = Finds([Face((60, 60, 100, 100), there, 0.9)])
    image, larger = closer(PICTURE, face(20), detector)
    assert (max(image.shape[:2]), larger.landmarks) == (224, there)


@pytest.mark.parametrize("found", [[], [face(30, x=0, y=0)]], ids=["nothing", "a neighbour"])
def test_what_is_not_found_again_is_left(found: list[Face]) -> None:
    small = face(20)
    image, same = closer(PICTURE, small, Finds(found))
    assert image is PICTURE
    assert same is small


def test_a_face_at_the_edge_is_cut_as_far_as_there_is_picture() -> None:
    detector = Finds([])
    closer(PICTURE, face(20, x=-10, y=190), detector)
    assert detector.sides == [224]


def test_a_real_small_face_is_nearer_to_its_photo(shared_dir: Path) -> None:
    models = shared_dir / "models"
    yunet = YuNet(models / "yunet_n_640.onnx", search_px=640)
    network = MobileFaceNet(models / "mobilefacenet.onnx")
    gained = []
    for name in ("obama", "lin-manuel-miranda", "alex-lacamoire"):
        image = photo(next((shared_dir / "faces" / "gallery").rglob(f"{name}.*")))
        (large, *_) = yunet.find(image)
        whole = network.embed(image, large.landmarks)
        times = 24 / large.box[2]
        small = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
        canvas = np.full((480, 640, 3), 128, np.uint8)
        height, width = min(480, small.shape[0]), min(640, small.shape[1])
        canvas[:height, :width] = small[:height, :width]
        found = yunet.find(canvas)[0]
        plain = float(whole @ network.embed(canvas, found.landmarks))
        large_image, larger = closer(canvas, found, yunet)
        gained.append(float(whole @ network.embed(large_image, larger.landmarks)) - plain)
    assert sum(gained) > 0
