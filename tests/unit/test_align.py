"""Alignments as geometry: where landmarks land, what lies outside the picture, extreme sizes."""

import cv2
import numpy as np
import pytest

from core.types import Box, Face, Landmarks
from pipeline.embedders.align import (
    ARCFACE_POINTS,
    arcface_crop,
    dlib_square,
    margin_crop,
    similarity_transform,
)

TEMPLATE = np.asarray(ARCFACE_POINTS)


def moved(angle: float, scale: float, dx: float, dy: float) -> np.ndarray:
    """ArcFace's five points turned, scaled and shifted: where they are in some photo."""
    turn = np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return TEMPLATE @ (scale * turn).T + [dx, dy]


def landmarks(points: np.ndarray) -> Landmarks:
    return Landmarks(*[(float(x), float(y)) for x, y in points])


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2, 3.0])
@pytest.mark.parametrize("scale", [0.3, 1.0, 7.0])
def test_a_similarity_is_found_exactly(angle: float, scale: float) -> None:
    source = moved(angle, scale, 400, 250)
    transform = similarity_transform(source, TEMPLATE)
    assert source @ transform[:, :2].T + transform[:, 2] == pytest.approx(TEMPLATE, abs=1e-9)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    source = TEMPLATE * [-1, 1] + [200, 0]
    transform = similarity_transform(source, TEMPLATE)
    assert np.linalg.det(transform[:, :2]) > 0


def test_points_that_coincide_still_give_a_crop() -> None:
    rgb = np.full((50, 50, 3), 9, np.uint8)
    crop = arcface_crop(rgb, landmarks(np.full((5, 2), 25.0)))
    assert crop.shape == (112, 112, 3)


@pytest.mark.parametrize(("angle", "scale"), [(0.0, 1.0), (0.4, 2.5), (-0.7, 6.0)])
def test_landmarks_land_on_arcfaces_points(angle: float, scale: float) -> None:
    points = moved(angle, scale, 450, 300)
    rgb = np.zeros((1100, 1300, 3), np.uint8)
    for x, y in points:
        center = round(x * 16), round(y * 16)
        cv2.circle(rgb, center, round(32 * scale), (255,) * 3, -1, cv2.LINE_AA, shift=4)
    crop = arcface_crop(rgb, landmarks(points))
    for x, y in TEMPLATE:
        window = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        rows, columns = np.mgrid[-5:6, -5:6]
        center = (window * columns).sum() / window.sum(), (window * rows).sum() / window.sum()
        assert center == pytest.approx((x - round(x), y - round(y)), abs=0.35)


def test_a_large_face_is_averaged_not_sampled() -> None:
    # A fine checkerboard: sampling gives black and white, averaging gives gray.
    board = (np.indices((1200, 1200)).sum(axis=0) % 2 * 255).astype(np.uint8)
    rgb = np.repeat(board[..., None], 3, axis=2)
    crop = arcface_crop(rgb, landmarks(moved(0, 8, 100, 100)))
    inner = crop[20:90, 20:90].astype(int)
    assert abs(inner - 127).max() <= 30


def test_a_margin_crop_is_the_widened_box() -> None:
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[60:140, 60:140] = 255
    exact = margin_crop(rgb, Box(60, 60, 80, 80), 0.0, 160)
    assert (exact[2:-2, 2:-2] == 255).all()
    wide = margin_crop(rgb, Box(60, 60, 80, 80), 0.5, 160)
    assert wide.shape == (160, 160, 3)
    assert (wide[45:115, 45:115] == 255).all()
    assert (wide[:35] == 0).all()
    assert (wide[:, 125:] == 0).all()


def test_a_box_is_resized_to_a_square_even_if_it_is_none() -> None:
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[:, 50:] = 255
    crop = margin_crop(rgb, Box(40, 10, 20, 80), 0.0, 160)
    assert (crop[:, :75] == 0).all()
    assert (crop[:, 85:-5] == 255).all()


@pytest.mark.parametrize(
    "box",
    [Box(-50, -50, 100, 100), Box(80, 80, 100, 100), Box(500, 500, 40, 40), Box(0, 0, 0.01, 0.01)],
)
def test_faces_across_and_beyond_the_border(box: Box) -> None:
    rgb = np.full((100, 100, 3), 200, np.uint8)
    x, _ = box.center
    points = moved(0, box.width / 112, box.x, box.y)
    assert margin_crop(rgb, box, 0.1, 160).shape == (160, 160, 3)
    assert arcface_crop(rgb, landmarks(points)).shape == (112, 112, 3)
    left, top, right, bottom = dlib_square(Face(box, 0.9, landmarks(points)))
    assert right - left >= 2
    assert bottom - top >= 2
    assert left <= x + 1
    assert right >= x - 1


def test_dlibs_square_is_lower_and_a_bit_smaller_than_the_box() -> None:
    face = Face(Box(100, 100, 80, 100), 0.9, landmarks(TEMPLATE))
    assert dlib_square(face) == (95, 110, 185, 200)
