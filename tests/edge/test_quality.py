"""How good a face is, and what is cut out of its frame."""

import cv2
import numpy as np
import pytest

from edge.crop import best_pixels, crop, crop_jpeg
from edge.quality import at_border, frontal, inside, is_cut, look, scene, sharpness
from edge.types import Box, Frame, Pixels, Point
from tests.edge.sights import face, frame

BOX: Box = (200, 100, 120, 160)


def noise(seed: int, height: int = 480, width: int = 640) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_blurred_face_is_less_sharp() -> None:
    image = noise(1)
    blurred = cv2.GaussianBlur(image, (0, 0), 5).astype(np.uint8)
    assert sharpness(blurred, face(BOX)) < sharpness(image, face(BOX)) / 4


def test_a_face_outside_the_picture_is_not_sharp() -> None:
    assert sharpness(noise(1), face((900, 900, 50, 50))) == 0.0


def test_a_turned_face_is_less_frontal() -> None:
    turns = [frontal(face(turned=turned).landmarks) for turned in (0, 0.2, 0.4, 0.6)]
    assert turns == sorted(turns, reverse=True)
    assert turns[-1] == 0


def test_a_tilted_head_is_as_frontal_as_an_upright_one() -> None:
    upright = face().landmarks
    tilted = [(x * 0.8 - y * 0.6, x * 0.6 + y * 0.8) for x, y in upright]
    a, b, c, d, e = tilted
    assert frontal((a, b, c, d, e)) == pytest.approx(frontal(upright))


def test_landmarks_in_one_point_are_not_frontal() -> None:
    assert frontal(((1, 1),) * 5) == 0.0


@pytest.mark.parametrize(
    ("box", "is_there"),
    [((200, 100, 90, 90), False), ((3, 100, 90, 90), True), ((560, 100, 90, 90), True),
     ((200, -5, 90, 90), True), ((200, 400, 90, 79), True)],
)  # fmt: skip
def test_faces_at_the_border(box: Box, is_there: bool) -> None:
    assert at_border(box, 640, 480) is is_there


DOOR = ((0.2, 0.2), (0.8, 0.2), (0.5, 0.9))


@pytest.mark.parametrize(
    ("point", "is_in"), [((0.5, 0.5), True), ((0.1, 0.5), False), ((0.75, 0.8), False)]
)
def test_the_zone_of_a_door(point: Point, is_in: bool) -> None:
    assert inside(point, DOOR) is is_in
    assert inside(point, ())


def test_a_face_looks_like_itself_and_not_like_noise() -> None:
    image, darker = noise(1), (noise(1) // 2).astype(np.uint8)
    assert float(look(image, face(BOX)) @ look(darker, face(BOX))) > 0.95
    assert abs(float(look(image, face(BOX)) @ look(noise(2), face(BOX)))) < 0.3


def test_a_cut_is_another_scene_and_a_step_is_not() -> None:
    room = cv2.resize(noise(3, 6, 8), (640, 480)).astype(np.uint8)
    step = np.roll(room, 8, axis=1)
    other = cv2.resize(noise(4, 6, 8), (640, 480)).astype(np.uint8)
    assert not is_cut(scene(room), scene(step))
    assert is_cut(scene(room), scene(other))


def test_the_cut_has_context_and_the_face_in_its_middle() -> None:
    image = np.zeros((1000, 1000, 3), np.uint8)
    image[450:550, 450:550] = 255
    cut = crop(image, (450, 450, 100, 100), 2.7)
    assert cut.shape == (270, 270, 3)
    assert cut[135, 135].tolist() == [255, 255, 255]
    assert cut[80, 80].tolist() == [0, 0, 0]


@pytest.mark.parametrize("box", [(-50, -50, 100, 100), (600, 440, 100, 100), (900, 900, 10, 10)])
def test_a_cut_ends_where_the_picture_does(box: Box) -> None:
    cut = crop(noise(1), box)
    assert min(cut.shape[:2]) >= 1
    assert cut.shape[0] <= 480


def test_the_cut_is_made_of_the_large_picture() -> None:
    taken = frame(0, large=3)
    image, box = best_pixels(taken, face(BOX))
    assert image.shape[:2] == (1440, 1920)
    assert box == pytest.approx((600, 300, 360, 480))
    small = Frame(taken.image, 0, 0, 0)
    assert width(crop_jpeg(taken, face((250, 150, 100, 100)))) == 3 * width(
        crop_jpeg(small, face((250, 150, 100, 100)))
    )


def width(jpeg: bytes) -> int:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return int(image.shape[1])
