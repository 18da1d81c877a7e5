"""A door that is set to look for small faces finds them in registrations too."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detection import YuNet
from edge.gate import Rules
from edge.registering.commands import rules_of
from edge.sections import Config
from edge.types import Frame, Pixels
from tests.edge.registering_kit import ColorNetwork, FakeStore, edge, local_config, vector_of
from tests.edge.test_detection import photo

Far = Callable[[float, tuple[int, int]], Pixels]
"""A man whose face is so many pixels wide, in a picture of this width and height."""


@pytest.fixture
def config(tmp_path: Path, shared_dir: Path) -> Config:
    return local_config(tmp_path, shared_dir / "models" / "yunet_n_640.onnx", least_face_px=24)


@pytest.fixture
def far_away(shared_dir: Path) -> Far:
    man = photo(shared_dir / "faces" / "gallery" / "lin-manuel-miranda.png")
    (face,) = YuNet(shared_dir / "models" / "yunet_n_640.onnx").find(man)

    def made(face_px: float, size: tuple[int, int]) -> Pixels:
        times = face_px / face.box[2]
        small = cv2.resize(man, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        (height, width), (top, left) = small.shape[:2], (size[1] // 2, size[0] // 2)
        picture[top : top + height, left : left + width] = small
        return picture

    return made


class Still:
    """A camera before which nothing moves, five pictures a second, for a while."""

    def __init__(self, picture: Pixels, pictures: int = 20) -> None:
        self._picture, self._left = picture, pictures

    def open(self) -> None:
        """Nothing to open."""

    def read(self) -> Frame | None:
        if self._left == 0:
            return None
        self._left -= 1
        return Frame(
            self._picture, -self._left, captured_at=0.0, captured_monotonic=-self._left / 5
        )

    def close(self) -> None:
        """Nothing to close."""

    def status(self) -> str:
        return "ok" if self._left else "ended"


def known() -> FakeStore:
    """Somebody else, with whom the picture is compared."""
    return FakeStore({"ada": "Ada"}, {"ada": [vector_of(1)]})


def looking(config: Config, search_px: int) -> Config:
    return replace(config, detector=replace(config.detector, search_px=search_px))


@pytest.mark.parametrize(("search_px", "is_found"), [(320, False), (1280, True)])
def test_before_the_camera(
    search_px: int,
    is_found: bool,
    config: Config,
    far_away: Far,
) -> None:
    camera = Still(far_away(60, (2560, 1440)))
    status, said = edge(
        ["verify", "Ada", "--no-window"],
        looking(config, search_px),
        ColorNetwork(),
        known(),
        camera=lambda: camera,
    )
    words = "no match: ada" if is_found else "step before the camera"
    assert words in said, said
    assert status == (1 if is_found else 2)


@pytest.mark.parametrize(("search_px", "is_found"), [(320, False), (640, False), (1280, True)])
def test_in_a_photo(
    search_px: int,
    is_found: bool,
    config: Config,
    tmp_path: Path,
    far_away: Far,
) -> None:
    place = tmp_path / "far.png"
    cv2.imwrite(str(place), far_away(30, (2560, 1440)))
    status, said = edge(
        ["verify", "Ada", "--photo", str(place)],
        looking(config, search_px),
        ColorNetwork(),
        known(),
    )
    assert ("no match: ada" if is_found else "no face") in said, said
    assert status == (1 if is_found else 2)


def test_a_door_that_looks_for_large_faces_still_finds_small_ones_in_photos(
    config: Config, tmp_path: Path, far_away: Far
) -> None:
    """A search of 320 would not find them."""
    place = tmp_path / "far.png"
    cv2.imwrite(str(place), far_away(40, (1920, 1080)))
    asked = ["verify", "Ada", "--photo", str(place)]
    status, said = edge(asked, looking(config, 320), ColorNetwork(), known())
    assert (status, "no match: ada" in said) == (1, True), said


def test_a_face_is_judged_as_at_the_gate_but_anywhere_in_the_picture(config: Config) -> None:
    """Whoever is registered need not stand where visits are looked for."""
    zone = "0,0 0.1,0 0.1,0.1"
    gate = replace(config.gate, least_sharpness=33.0, least_face_px=55, zone=zone)
    rules = rules_of(replace(config, gate=gate))
    assert (rules.least_sharpness, rules.least_face_px, rules.zone) == (33.0, 55, Rules().zone)
