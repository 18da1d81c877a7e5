"""Photos become embeddings once: kept ones are read again, unusable ones are named."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from core.types import Face, Matrix
from evaluation.cache import Cache
from evaluation.datasets.dataset import Picture
from evaluation.datasets.folders import from_folders
from evaluation.embedding import Embedding, Taken, refusals
from evaluation.speed import speeds
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.images.decode import Pixels
from tests.evaluation.kit import LIMITS, analyzer, people
from tests.fakes import NOT_A_NUMBER, FakeDetector, FakeEmbedder, color_of, group, nobody, portrait
from tests.fakes import spec as space_of


class Counting(FakeEmbedder):
    """Counts the faces it embeds."""

    def __init__(self, weights: str = "0" * 64) -> None:
        super().__init__(weights)
        self.seen = 0

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        self.seen += len(faces)
        return super().embed(rgb, faces)


def counted(weights: str = "0" * 64) -> tuple[Counting, Analyzer]:
    embedder = Counting(weights)
    return embedder, Analyzer(FakeDetector(), embedder, LeastFace(40))


def test_every_format_that_is_decoded(tmp_path: Path) -> None:
    for file_format in ("PNG", "WEBP", "BMP", "TIFF"):
        (tmp_path / f"a.{file_format.lower()}").write_bytes(portrait(5, file_format=file_format))
    picture = Image.new("RGB", (120, 160), color_of(5))
    heif = io.BytesIO()
    pillow_heif.from_pillow(picture).save(heif, quality=-1)
    (tmp_path / "a.heic").write_bytes(heif.getvalue())
    pictures = {path.name: Picture(path) for path in tmp_path.iterdir()}
    found = Embedding({"colors": analyzer()}, LIMITS).of(pictures)
    assert found.unusable == []
    assert set(found.faces["colors"]) == set(pictures)
    first = found.faces["colors"]["a.png"][0]
    for matrix in found.faces["colors"].values():
        assert float(matrix[0] @ first) > 0.95


def test_unusable_photos_are_named_with_their_reason(tmp_path: Path) -> None:
    files = {
        "good.png": portrait(5),
        "nobody.png": nobody(),
        "small.png": group([3], [20]),
        "empty.png": b"",
        "text.txt": b"no photo",
        "cut.png": portrait(5)[:200],
        "broken.png": portrait(NOT_A_NUMBER),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.png").symlink_to(tmp_path / "good.png")
    pictures = {name: Picture(tmp_path / name) for name in [*files, "link.png", "gone.png"]}
    seen: list[tuple[str, int, int]] = []
    found = Embedding({"colors": analyzer()}, LIMITS).of(
        pictures, on_progress=lambda *step: seen.append(step)
    )
    assert {one.name: one.code for one in found.unusable} == {
        "nobody.png": "no_face",
        "small.png": "face_too_small",
        "empty.png": "empty_file",
        "text.txt": "unsupported_image",
        "cut.png": "image_corrupt",
        "broken.png": "model_error",
        "link.png": "not_regular_file",
        "gone.png": "vanished",
    }
    assert list(found.faces["colors"]) == ["good.png"]
    assert seen == [("photos", done, 9) for done in range(1, 10)]
    assert not any(str(tmp_path) in one.message for one in found.unusable)
    assert sum(refusals(found.unusable).values()) == 8


def test_the_largest_face_or_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "two.png").write_bytes(group([3, 4], [60, 90]))
    pictures = {"two": Picture(tmp_path / "two.png")}
    looks = Embedding({"colors": analyzer()}, LIMITS)
    largest = looks.of(pictures).faces["colors"]["two"]
    assert largest.shape == (2, 64)
    alone = FakeEmbedder().embed(np.full((2, 2, 3), color_of(4), np.uint8), [_any_face()])
    np.testing.assert_array_equal(largest[0], alone[0])
    assert [one.code for one in looks.of(pictures, Taken.ONLY).unusable] == ["multiple_faces"]


def _any_face() -> Face:
    return FakeDetector().detect(np.full((2, 2, 3), 255, np.uint8), 1)[0]


def test_a_photo_is_embedded_once_for_a_space_whatever_its_name(tmp_path: Path) -> None:
    pictures = from_folders(people(tmp_path / "photos", 3, 2)).pictures
    cache = Cache(tmp_path / "cache", "40")
    one, first = counted()
    before = Embedding({"one": first}, LIMITS, cache).of(pictures)
    assert one.seen == 6
    (tmp_path / "photos" / "p1").rename(tmp_path / "photos" / "someone")
    renamed = from_folders(tmp_path / "photos").pictures
    other, second = counted("1" * 64)
    both = Embedding({"one": first, "other": second}, LIMITS, cache).of(renamed)
    assert (one.seen, other.seen) == (6, 6)
    for name, matrix in before.faces["one"].items():
        kept = both.faces["one"][name.replace("p1/", "someone/")]
        np.testing.assert_array_equal(kept, matrix)
    # What decides which faces are used beside the space is part of the key.
    Embedding({"one": first}, LIMITS, Cache(tmp_path / "cache", "60")).of(renamed)
    assert one.seen == 12


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 288, b"\xff" * 32])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path, "40")
    rows = FakeEmbedder().embed(np.full((2, 2, 3), color_of(4), np.uint8), [_any_face()])
    cache.write(space_of(), "ab" * 32, rows)
    np.testing.assert_array_equal(cache.read(space_of(), "ab" * 32), rows)
    assert cache.read(space_of("1" * 64), "ab" * 32) is None
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(damage)
    assert cache.read(space_of(), "ab" * 32) is None


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = Cache(tmp_path / "file", "40")
    cache.write(space_of(), "ab" * 32, np.ones((1, 64), np.float32))
    assert cache.read(space_of(), "ab" * 32) is None


def test_speed_is_measured_for_each_network(tmp_path: Path) -> None:
    pictures = list(from_folders(people(tmp_path, 4, 3)).pictures.values())
    found = speeds({"one": analyzer(), "two": analyzer()}, pictures, LIMITS)
    assert list(found) == ["one", "two"]
    assert [one.photos for one in found.values()] == [12, 12]
    assert speeds({"one": analyzer()}, [], LIMITS) == {}


def test_photos_that_changed_since_are_not_timed(tmp_path: Path) -> None:
    pictures = list(from_folders(people(tmp_path, 2, 2)).pictures.values())
    pictures[0].path.unlink()
    pictures[1].path.write_bytes(nobody())
    pictures[2].path.write_bytes(b"no photo")
    (left,) = speeds({"one": analyzer()}, pictures, LIMITS).values()
    assert left.photos == 1
    assert speeds({"one": analyzer()}, pictures[:3], LIMITS) == {}
