"""Views: exact levels, the same ones every time, and the face where the picture shows it."""

import numpy as np
import pytest

from core.types import Box, Face, Landmarks
from training.augmentation import LEVELS, Level, View, mirrored, views

POINTS = Landmarks((110, 95), (150, 90), (130, 120), (115, 145), (148, 140))
FACE = Face(Box(90, 60, 80, 110), 0.99, POINTS)
DOTS = {"left_eye": (255, 0, 0), "right_eye": (0, 255, 0), "nose": (0, 0, 255)}


def photo() -> np.ndarray:
    """A gray photo with a dot of its own color at three of the landmarks."""
    rgb = np.full((240, 320, 3), 120, np.uint8)
    for name, color in DOTS.items():
        x, y = getattr(POINTS, name)
        rgb[y - 3 : y + 4, x - 3 : x + 4] = color
    return rgb


def strongest(view: View, name: str) -> int:
    """Which color channel stands out at this landmark."""
    x, y = getattr(view.face.landmarks, name)
    return int(np.argmax(view.rgb[round(y), round(x)]))


@pytest.mark.parametrize("level", list(Level))
def test_the_first_view_is_the_photo_as_it_is(level: Level) -> None:
    rgb = photo()
    found = views(rgb, FACE, level, seed=1)
    assert len(found) == LEVELS[level].views
    assert found[0].rgb is rgb
    assert found[0].face == FACE


def test_levels_have_one_four_and_eight_views() -> None:
    assert [LEVELS[level].views for level in Level] == [1, 4, 8]


@pytest.mark.parametrize("level", [Level.LIGHT, Level.STRONG])
def test_the_same_seed_gives_the_same_views_and_another_others(level: Level) -> None:
    first, again, other = (views(photo(), FACE, level, seed) for seed in (3, 3, 4))
    for one, two, three in zip(first[1:], again[1:], other[1:], strict=True):
        np.testing.assert_array_equal(one.rgb, two.rgb)
        assert one.face == two.face
        assert one.face != three.face


def test_views_differ_from_each_other() -> None:
    found = views(photo(), FACE, Level.STRONG, seed=5)[1:]
    pairs = [(a, b) for at, a in enumerate(found) for b in found[at + 1 :]]
    assert all(a.rgb.shape != b.rgb.shape or (a.rgb != b.rgb).any() for a, b in pairs)


def test_a_mirrored_face_keeps_the_viewers_left() -> None:
    found = mirrored(View(photo(), FACE))
    points = found.face.landmarks
    assert points.left_eye[0] < points.right_eye[0]
    assert points.mouth_left[0] < points.mouth_right[0]
    # What was the right eye is left now.
    assert strongest(found, "left_eye") == 1
    assert strongest(found, "right_eye") == 0
    assert strongest(found, "nose") == 2
    assert mirrored(found).face == FACE


def test_landmarks_of_light_views_stay_near_what_they_mark() -> None:
    """A detector's error of 3 % of the face moves no eye to the other one."""
    for seed in range(10):
        for view in views(photo(), FACE, Level.LIGHT, seed)[1:]:
            points = view.face.landmarks
            assert points.left_eye[0] < points.nose[0] < points.right_eye[0]
            height, width = view.rgb.shape[:2]
            assert all(0 <= x < width and 0 <= y < height for x, y in points.points())


def test_a_face_across_the_border_has_views() -> None:
    face = Face(Box(-40, -30, 90, 120), 0.9, POINTS.shifted(-120, -90))
    for view in views(photo(), face, Level.STRONG, seed=2)[1:]:
        assert view.rgb.dtype == np.uint8
        assert np.isfinite(view.face.landmarks.points()).all()


def test_a_large_face_is_reduced() -> None:
    rgb = np.zeros((2000, 2000, 3), np.uint8)
    face = Face(Box(200, 200, 1500, 1600), 0.9, POINTS.scaled(8))
    view = views(rgb, face, Level.LIGHT, seed=0)[1]
    assert view.rgb.shape == (512, 512, 3)
    assert max(view.face.box.width, view.face.box.height) < 256 * 1.04
