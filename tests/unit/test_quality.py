"""What is measured of a face, and what is said of it: made pictures, and real ones."""

import itertools
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from core.settings import Settings
from core.types import Box, Face, Landmarks
from pipeline.builder import build_detector
from pipeline.face_measures import angles, measure
from pipeline.images.decode import Photo, Pixels, decode
from pipeline.quality import DOUBTFUL, HOPELESS, MESSAGES, Issue, judged, seen

NOSE_OUT, MOUTH = 0.45, 1.05


def landmarks(yaw: float = 0, pitch: float = 0, roll: float = 0, size: float = 100) -> Landmarks:
    """Five points of a head turned so in space, seen from far away."""
    nose_y = 0.57 * MOUTH
    points = [(-0.5, 0, 0), (0.5, 0, 0), (0, nose_y, NOSE_OUT), (-0.4, MOUTH, 0), (0.4, MOUTH, 0)]
    turns = [_turn(0, 2, yaw), _turn(2, 1, -pitch), _turn(0, 1, -roll)]
    turned = [turns[2] @ turns[1] @ turns[0] @ np.asarray(point, float) for point in points]
    return Landmarks(*((300 + size * float(x), 300 + size * float(y)) for x, y, _ in turned))


def _turn(first: int, second: int, degrees: float) -> npt.NDArray[np.float64]:
    """A turn about the third axis."""
    matrix = np.eye(3)
    angle = math.radians(degrees)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = math.sin(angle), -math.sin(angle)
    return matrix


@pytest.mark.parametrize("size", [10, 100])
@pytest.mark.parametrize("yaw", [-50, -25, 0, 10, 40])
@pytest.mark.parametrize("roll", [-60, 0, 25, 170])
def test_yaw_and_roll_of_a_turned_head(yaw: float, roll: float, size: float) -> None:
    found = angles(landmarks(yaw=yaw, roll=roll, size=size))
    assert found == pytest.approx((yaw, 0, roll), abs=0.5)


@pytest.mark.parametrize("pitch", [-30, -10, 15, 30])
def test_pitch_of_a_nodding_head(pitch: float) -> None:
    yaw, found, roll = angles(landmarks(pitch=pitch, roll=12))
    assert (yaw, roll) == pytest.approx((0, 12), abs=0.5)
    assert found == pytest.approx(pitch, abs=3)


def test_landmarks_that_coincide_are_measured_all_the_same() -> None:
    point = (50.0, 50.0)
    assert all(math.isfinite(angle) for angle in angles(Landmarks(*[point] * 5)))


def picture(side: int = 400) -> Pixels:
    """Something with edges of every size."""
    noise = np.random.default_rng(3)
    rgb = np.full((side, side, 3), 128, np.float32)
    for cells in (6, 12, 24, 48):
        coarse = noise.uniform(-30, 30, (cells, cells, 1)).astype(np.float32)
        rgb += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_NEAREST)[..., None]
    return np.clip(rgb, 0, 255).astype(np.uint8)


def face_at(x: float, y: float, width: float) -> Face:
    """A face that looks straight ahead."""
    marks = landmarks(size=width * 0.45)
    center = np.asarray(marks.points()).mean(axis=0)
    moved = marks.shifted(x + width / 2 - center[0], y + width * 0.65 - center[1])
    return Face(Box(x, y, width, width * 1.3), 0.99, moved)


def photo_of(rgb: Pixels, scale: float = 1.0) -> Photo:
    height, width = rgb.shape[:2]
    return Photo(np.ascontiguousarray(rgb), scale, round(width / scale), round(height / scale))


def issues(rgb: Pixels, face: Face) -> list[str]:
    return [str(issue) for issue in seen(photo_of(rgb), face).quality.issues]


STRAIGHT = face_at(100, 60, 200)


def test_nothing_is_wrong_with_a_good_picture() -> None:
    quality = seen(photo_of(picture()), STRAIGHT).quality
    assert (quality.issues, quality.hopeless, quality.measures.width_px) == ((), (), 200)


def test_what_is_wrong_is_said() -> None:
    rgb = picture()
    assert issues(cv2.GaussianBlur(rgb, (0, 0), 8).astype(np.uint8), STRAIGHT) == ["blurred"]
    assert issues((rgb * 0.25).astype(np.uint8), STRAIGHT)[0] == "too_dark"
    assert issues((255 - (255 - rgb) * 0.3).astype(np.uint8), STRAIGHT)[0] == "too_bright"
    assert issues((128 + (rgb.astype(float) - 128) * 0.1).astype(np.uint8), STRAIGHT) == [
        "low_contrast"
    ]
    assert issues(rgb, face_at(100, 60, 50)) == ["face_too_small"]
    assert issues(rgb, face_at(-40, 60, 200)) == ["cut_off"]
    for turn, said in (({"yaw": 45}, "turned_away"), ({"roll": 30}, "tilted")):
        marks = landmarks(**turn, size=80).shifted(-100, -130)
        assert issues(rgb, Face(STRAIGHT.box, 0.99, marks)) == [said]


def test_the_working_size_changes_nothing_that_is_of_the_original() -> None:
    rgb = picture()
    small = cv2.resize(rgb, (200, 200), interpolation=cv2.INTER_AREA).astype(np.uint8)
    whole, half = measure(photo_of(rgb), STRAIGHT), measure(photo_of(small, 0.5), STRAIGHT)
    assert (half.width_px, half.yaw, half.cut_off) == (whole.width_px, whole.yaw, whole.cut_off)
    assert half.brightness == pytest.approx(whole.brightness, abs=1)
    assert half.sharpness == pytest.approx(whole.sharpness, rel=0.3)


@pytest.mark.parametrize("x", [-5000.0, -199.0, 399.0, 5000.0])
@pytest.mark.parametrize("width", [0.5, 3.0, 20_000.0])
def test_places_beside_the_photo_are_measured_all_the_same(x: float, width: float) -> None:
    found = measure(photo_of(picture()), face_at(x, 60, width))
    numbers = [found.sharpness, found.brightness, found.contrast, found.cut_off]
    assert all(math.isfinite(number) for number in numbers)
    assert 0 <= found.cut_off <= 1


def test_every_issue_has_words() -> None:
    assert set(MESSAGES) == set(Issue)


def test_what_is_hopeless_is_doubtful_too() -> None:
    assert HOPELESS.sharpness < DOUBTFUL.sharpness
    flat = judged(measure(photo_of(np.full((400, 400, 3), 3, np.uint8)), STRAIGHT))
    assert set(flat.hopeless) == {Issue.BLURRED, Issue.TOO_DARK, Issue.LOW_CONTRAST}
    assert set(flat.hopeless) <= set(flat.issues)


PORTRAITS = ("img1", "img2", "img3", "img7", "img8", "img13", "img20", "img30", "img40", "img55")


def test_real_photos(shared_dir: Path, prepared_models: Path) -> None:
    detector = build_detector(Settings(model_dir=prepared_models))

    def of(name: str) -> list[list[str]]:
        photo = decode((shared_dir / "faces" / name).read_bytes(), 64_000_000)
        found = [face.scaled(1 / photo.scale) for face in detector.detect(photo.rgb, 40)]
        found.sort(key=lambda face: -face.box.area)
        return [[str(i) for i in seen(photo, face).quality.issues] for face in found]

    assert all(of(f"pairs/{name}.jpg")[0] == [] for name in PORTRAITS)
    in_front, *behind = of("pairs/img54.jpg")
    assert in_front == []
    assert len(behind) >= 2
    assert {codes[0] for codes in behind} == {"blurred"}, "they stand far behind"
    assert of("gallery/single/obama_partial_face.jpg") == [["cut_off"]]
    turned = list(itertools.chain(*of("detection/012_4.jpg")))
    assert turned.count("turned_away") == 4
