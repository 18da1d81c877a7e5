"""Photos of people looked at: what is left out and why, and what is computed once only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidParameter
from core.files import sha256_bytes
from core.types import EmbeddingSpec, Face, Matrix
from evaluation.cache import Cache
from evaluation.datasets.folders import from_folders
from pipeline.analyzer import LeastFace
from pipeline.images.decode import Pixels, decode
from tests.evaluation.kit import LIMITS, people
from tests.fakes import FakeDetector, FakeEmbedder, nobody, portrait
from training.augmentation import LEVELS, Level
from training.looking import Looking, Samples
from training.views import Backbone, seed_of


class Counting:
    """The fake of colors, which counts the faces that it is given."""

    def __init__(self) -> None:
        self.faces = 0
        self._inner = FakeEmbedder("0" * 64)
        self.default_threshold = self._inner.default_threshold

    @property
    def spec(self) -> EmbeddingSpec:
        return self._inner.spec

    def load(self) -> None:
        """Nothing to load."""

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        self.faces += len(faces)
        return self._inner.embed(rgb, faces)


def looked_at(folder: Path, backbone: Backbone) -> Samples:
    look = Looking(FakeDetector(), LIMITS, LeastFace(20))
    return look.at(from_folders(folder).pictures, backbone.maker())


def backbone(cache: Cache | None = None, level: Level = Level.LIGHT) -> Backbone:
    return Backbone(Counting(), level, cache)


def reasons(samples: Samples) -> dict[str, str]:
    return {one.name: one.code for one in samples.left_out}


def test_people_and_their_views(tmp_path: Path) -> None:
    found = looked_at(people(tmp_path, 4, 3), backbone())
    assert found.rows.shape == (12, 4, 64)
    assert found.names == ["p1", "p2", "p3", "p4"]
    assert found.people.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    np.testing.assert_allclose(np.linalg.norm(found.rows, axis=2), 1, atol=1e-5)
    assert not found.left_out


def test_the_first_view_is_what_the_door_would_have(tmp_path: Path) -> None:
    found = looked_at(people(tmp_path, 2, 2), backbone())
    data = portrait(1, 0)
    photo = decode(data, LIMITS.max_pixels)
    (face,) = FakeDetector().detect(photo.rgb, 20)
    expected = Counting().embed(photo.rgb, [face])[0]
    row = found.sha256s.index(sha256_bytes(data))
    np.testing.assert_allclose(found.rows[row, 0], expected, atol=1e-6)


def test_what_cannot_be_used_is_left_out_and_said(tmp_path: Path) -> None:
    folder = people(tmp_path, 3, 3)
    (folder / "p1" / "empty.jpg").write_bytes(b"")
    (folder / "p1" / "nobody.png").write_bytes(nobody())
    (folder / "p1" / "text.txt").write_bytes(b"no photo at all")
    (folder / "p1" / "zero-again.png").write_bytes(portrait(1, 0))
    (folder / "p2" / "of-three.png").write_bytes(portrait(3, 0))
    (folder / "once").mkdir()
    (folder / "once" / "one.png").write_bytes(portrait(9, 0))
    found = looked_at(folder, backbone())
    assert found.names == ["p1", "p2", "p3"]
    assert reasons(found) == {
        "p1/empty.jpg": "empty_file",
        "p1/nobody.png": "no_face",
        "p1/text.txt": "unsupported_image",
        "p1/zero-again.png": "copy",
        # Whose it is, nobody knows: neither of them has it.
        "p2/of-three.png": "two_people",
        "p3/0.png": "two_people",
        "once/one.png": "too_few",
    }


def test_one_person_is_nobody_to_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="at least two people"):
        looked_at(people(tmp_path, 1, 5), backbone())


def test_a_second_run_embeds_nothing(tmp_path: Path) -> None:
    folder, cache = people(tmp_path / "data", 3, 2), Cache(tmp_path / "kept", "20-0")
    first, again = backbone(cache), backbone(cache)
    rows = looked_at(folder, first).rows
    np.testing.assert_array_equal(looked_at(folder, again).rows, rows)
    assert isinstance(first.embedder, Counting)
    assert isinstance(again.embedder, Counting)
    assert (first.embedder.faces, again.embedder.faces) == (6 * LEVELS[Level.LIGHT].views, 0)
    # The photo as it is was kept for every level.
    plain = backbone(cache, Level.NONE)
    np.testing.assert_array_equal(looked_at(folder, plain).rows[:, 0], rows[:, 0])
    assert isinstance(plain.embedder, Counting)
    assert plain.embedder.faces == 0


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    folder, cache = people(tmp_path / "data", 2, 2), Cache(tmp_path / "kept", "20-0")
    rows = looked_at(folder, backbone(cache)).rows
    for path in (tmp_path / "kept").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    again = backbone(cache)
    np.testing.assert_array_equal(looked_at(folder, again).rows, rows)
    assert isinstance(again.embedder, Counting)
    assert again.embedder.faces == 16


def test_a_photos_views_do_not_depend_on_the_others() -> None:
    assert seed_of("ab" * 32) == seed_of("ab" * 32)
    assert seed_of("ab" * 32) != seed_of("ac" * 32)
