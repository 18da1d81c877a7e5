"""The Raspberry Pi's camera, with a camera of the tests in picamera2's place."""

from typing import Any

import cv2
import numpy as np
import pytest

from edge.cameras.pi import PiSource
from edge.cameras.sources import CameraError


class FakePicamera2:
    """Gives a red picture in both sizes, rows of the small one longer than needed."""

    def __init__(self, works: bool = True) -> None:
        self.works, self.is_open, self.held = works, True, 0

    def create_video_configuration(self, main: Any, lores: Any, buffer_count: int) -> Any:
        return {"main": main, "lores": lores, "buffer_count": buffer_count}

    def configure(self, configuration: Any) -> None:
        assert configuration["main"]["format"] == "RGB888"

    def start(self) -> None:
        if not self.works:
            raise RuntimeError("Camera __init__ sequence did not complete. /dev/media0")

    def capture_request(self) -> "FakePicamera2":
        self.held += 1
        return self

    def make_array(self, name: str) -> Any:
        if name == "main":
            return np.full((96, 128, 3), (0, 0, 255), np.uint8)
        return cv2.cvtColor(np.full((48, 96, 3), (0, 0, 255), np.uint8), cv2.COLOR_BGR2YUV_I420)

    def release(self) -> None:
        self.held -= 1

    def close(self) -> None:
        self.is_open = False


def test_both_sizes_are_of_one_moment_and_blue_green_red() -> None:
    made = FakePicamera2()
    source = PiSource(small=(64, 48), large=(128, 96), make=lambda: made)
    source.open()
    picture = source.read()
    assert picture.image.shape == (48, 64, 3)
    assert picture.large is not None
    assert picture.large.shape == (96, 128, 3)
    assert np.abs(picture.image.astype(int) - (0, 0, 255)).max() < 8
    assert made.held == 0
    source.close()
    source.close()
    assert not made.is_open


def test_a_camera_that_does_not_start_is_let_go_and_said_without_its_device() -> None:
    made = FakePicamera2(works=False)
    with pytest.raises(CameraError) as raised:
        PiSource(make=lambda: made).open()
    assert not made.is_open
    assert "/dev" not in str(raised.value)
