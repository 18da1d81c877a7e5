"""A real clip of two enrolled men and an audience: who comes out of it, and as whom.

In the first scene the men are small: 40 and 25 pixels. There MobileFaceNet does not know them: what
it says is below its threshold, and the nearer photo is still the right one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.cameras.file import every_frame
from edge.detection import YuNet
from edge.embedding import MOBILEFACENET_THRESHOLD, MobileFaceNet, Vector
from edge.gate import Rules
from edge.pipeline import Watcher
from edge.types import Visit
from tests.edge.test_detection import photo

MIRANDA, LACAMOIRE = "lin-manuel-miranda", "alex-lacamoire"
SECOND_SCENE, THIRD_SCENE = 82, 211  # the first frame of each; the third shows the audience only


@dataclass(frozen=True)
class Seen:
    """A visit, and how much it is like each man's photo."""

    visit: Visit
    similarity: dict[str, float]

    @property
    def scene(self) -> int:
        """1, 2 or 3."""
        number = self.visit.frame.number
        return 1 + (number >= SECOND_SCENE) + (number >= THIRD_SCENE)

    @property
    def nearest(self) -> str:
        """Whose photo it is most like."""
        return max(self.similarity, key=lambda name: self.similarity[name])

    @property
    def is_match(self) -> bool:
        """Whether it would be a check-in."""
        return self.similarity[self.nearest] >= MOBILEFACENET_THRESHOLD


Measure = Callable[[Visit], dict[str, float]]


@pytest.fixture(scope="module", params=[320, 640])
def seen(request: pytest.FixtureRequest, shared_dir: Path) -> list[Seen]:
    """Every visit of the clip, searched at two sizes."""
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx", search_px=request.param)
    return watched(shared_dir, yunet, Rules(least_face_px=24))


def watched(shared_dir: Path, yunet: YuNet, rules: Rules) -> list[Seen]:
    measure, watcher = gallery(shared_dir, yunet), Watcher(yunet, rules)
    frames = every_frame(shared_dir / "video" / "short_hamilton_clip.mp4")
    return [Seen(visit, measure(visit)) for frame in frames for visit in watcher.feed(frame)]


def gallery(shared_dir: Path, yunet: YuNet) -> Measure:
    network = MobileFaceNet(shared_dir / "models" / "mobilefacenet.onnx")
    known: dict[str, Vector] = {}
    for name in (MIRANDA, LACAMOIRE):
        image = photo(shared_dir / "faces" / "gallery" / f"{name}.png")
        known[name] = network.embed(image, yunet.find(image)[0].landmarks)

    def measure(visit: Visit) -> dict[str, float]:
        vector = network.embed(visit.frame.image, visit.face.landmarks)
        return {name: float(vector @ one) for name, one in known.items()}

    return measure


def test_each_man_is_sent_once_a_scene(seen: list[Seen]) -> None:
    men = sorted((one.scene, one.nearest) for one in seen if one.scene < 3)
    assert men == [(1, LACAMOIRE), (1, MIRANDA), (2, MIRANDA)]


def test_who_is_recognized_is_recognized_rightly(seen: list[Seen]) -> None:
    assert [(one.scene, one.nearest) for one in seen if one.is_match] == [(2, MIRANDA)]


def test_no_track_is_sent_twice(seen: list[Seen]) -> None:
    assert len({one.visit.track_id for one in seen}) == len(seen)
    assert all(len(one.visit.crop_jpeg) > 500 for one in seen)


def test_at_a_door_only_who_is_near_is_sent(shared_dir: Path) -> None:
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx")
    (only,) = watched(shared_dir, yunet, Rules(least_face_px=70))
    assert only.nearest == MIRANDA
    assert only.is_match
