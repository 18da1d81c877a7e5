"""What is wrong with a picture, and since when."""

import numpy as np
import pytest

from edge.cameras.watch import Watch, judge
from edge.types import Pixels
from tests.edge.test_quality import noise


def flat(*bgr: int) -> Pixels:
    return np.full((48, 64, 3), bgr, np.uint8)


def dark() -> Pixels:
    return (noise(1, 48, 64) // 12).astype(np.uint8)


def half_green() -> Pixels:
    image = noise(1, 48, 64)
    image[16:] = (0, 135, 0)
    return image


@pytest.mark.parametrize(
    ("image", "verdict"),
    [(flat(0, 0, 0), "black"), (flat(2, 2, 2), "black"), (dark(), "ok"), (noise(1, 48, 64), "ok"),
     (flat(0, 135, 0), "green"), (half_green(), "green"), (flat(40, 135, 60), "ok")],
)  # fmt: skip
def test_one_picture(image: Pixels, verdict: str) -> None:
    assert judge(image, None) == verdict


def test_a_picture_is_frozen_only_where_not_one_pixel_differs() -> None:
    image = noise(1, 48, 64)
    other = image.copy()
    other[1, 1, 0] ^= 1
    assert judge(image.copy(), image) == "frozen"
    assert judge(other, image) == "ok"


def test_trouble_is_said_once_it_has_lasted() -> None:
    watch = Watch(wrong_color_s=3)
    watch.see(noise(1, 48, 64), 0)
    states = [watch.see(flat(0, 0, second % 2), second) for second in range(1, 7)]
    assert states == ["ok", "ok", "ok", "black", "black", "black"]
    assert watch.see(noise(2, 48, 64), 7) == "ok"


def test_a_frozen_picture_is_frozen_since_it_was_first_seen() -> None:
    watch = Watch(frozen_s=5)
    states = [watch.see(noise(1, 48, 64), second) for second in range(7)]
    assert states == ["ok"] * 5 + ["frozen"] * 2


def test_a_still_scene_between_two_flickers_is_not_frozen() -> None:
    watch = Watch(frozen_s=5)
    states = {watch.see(noise(second // 4, 48, 64), second) for second in range(40)}
    assert states == {"ok"}


def test_silence_is_a_loss() -> None:
    watch = Watch(lost_s=2)
    assert watch.state(100) == "starting"
    watch.see(noise(1, 48, 64), 100)
    assert watch.state(101.9) == "ok"
    assert watch.state(102.1) == "lost"
    watch.restart()
    assert watch.state(103) == "starting"
