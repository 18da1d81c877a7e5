"""The second look for faces that fill the frame, and MTCNN's rows as faces. No network here."""

import numpy as np
import pytest

from core.types import Box, Face, Landmarks
from pipeline.detection.detector import SECOND_LOOK_PX, PaddedSecondTry, padded, padding_px
from pipeline.detection.mtcnn import face_from_row
from pipeline.images.decode import Pixels

POINTS = Landmarks((10, 10), (20, 10), (15, 15), (11, 20), (19, 20))
FACE = Face(Box(5, 6, 20, 22), 0.9, POINTS)


class SeesFrom:
    """Finds FACE, moved by the border, in pictures that are at least `side` wide."""

    id = "sees-from"

    def __init__(self, side: int, border: int) -> None:
        self.side, self.border = side, border
        self.asked: list[tuple[int, ...]] = []
        self.loaded = 0

    def load(self) -> None:
        self.loaded += 1

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        self.asked.append(rgb.shape)
        return [FACE.shifted(self.border, self.border)] if rgb.shape[1] >= self.side else []


def picture(height: int = 100, width: int = 80) -> Pixels:
    return np.full((height, width, 3), 70, np.uint8)


def test_a_face_found_at_once_is_not_looked_for_again() -> None:
    inner = SeesFrom(side=10, border=0)
    assert PaddedSecondTry(inner).detect(picture(), 20) == [FACE]
    assert inner.asked == [(100, 80, 3)]


def test_the_second_look_is_padded_and_answers_in_the_pictures_pixels() -> None:
    inner = SeesFrom(side=100, border=50)
    assert PaddedSecondTry(inner).detect(picture(), 20) == [FACE]
    assert inner.asked == [(100, 80, 3), (200, 180, 3)]


def test_the_second_look_at_a_large_picture_is_at_a_smaller_one() -> None:
    inner = SeesFrom(side=3000, border=0)
    large = picture(2048, 1024)
    assert PaddedSecondTry(inner).detect(large, 20) == []
    assert inner.asked[1] == (2 * SECOND_LOOK_PX, SECOND_LOOK_PX // 2 + SECOND_LOOK_PX, 3)


def test_a_face_of_the_second_look_is_where_it_is_in_the_large_picture() -> None:
    class SecondTime(SeesFrom):
        def detect(
            self, rgb: Pixels, least_face_px: float, largest_only: bool = False
        ) -> list[Face]:
            self.asked.append(rgb.shape)
            return [FACE.shifted(self.border, self.border)] if len(self.asked) == 2 else []

    inner = SecondTime(side=0, border=SECOND_LOOK_PX // 2)
    factor = 2048 / SECOND_LOOK_PX
    assert PaddedSecondTry(inner).detect(picture(2048, 1024), 20) == [FACE.scaled(factor)]


def test_nothing_stays_nothing() -> None:
    assert PaddedSecondTry(SeesFrom(side=1000, border=0)).detect(picture(), 20) == []


def test_it_stands_for_the_detector_it_wraps() -> None:
    inner = SeesFrom(side=0, border=0)
    wrapped = PaddedSecondTry(inner)
    wrapped.load()
    assert (wrapped.id, inner.loaded) == ("sees-from", 1)


def test_the_border_has_the_pictures_mean_color() -> None:
    rgb = np.zeros((10, 10, 3), np.uint8)
    rgb[:, 5:] = (100, 200, 50)
    framed = padded(rgb, padding_px(10, 10))
    assert framed.shape == (20, 20, 3)
    assert framed[0, 0].tolist() == [50, 100, 25]
    assert (framed[5:15, 5:15] == rgb).all()


def row(box: tuple[float, float, float, float], confidence: float = 0.9) -> np.ndarray:
    xs, ys = [10, 20, 15, 11, 19], [10, 10, 15, 20, 20]
    return np.asarray([*box, confidence, *xs, *ys], dtype=np.float64)


def test_a_row_is_a_face_also_across_the_border() -> None:
    face = face_from_row(row((-5.5, 6, 14.5, 28), confidence=1.0000001))
    assert face == Face(Box(-5.5, 6, 20, 22), 1.0, POINTS)


@pytest.mark.parametrize(
    "box", [(5, 5, 5, 9), (5, 5, 9, 5), (9, 5, 5, 9), (float("nan"), 0, 9, 9), (0, 0, 9, np.inf)]
)
def test_degenerate_rows_are_dropped(box: tuple[float, float, float, float]) -> None:
    assert face_from_row(row(box)) is None
