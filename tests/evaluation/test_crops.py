"""Faces cut out of photos: where they land, how large, and what is not overwritten."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.crops import CropTerms, crop_all, largest_face, png, square_crop
from evaluation.datasets.folders import from_folders
from pipeline.images.decode import decode
from tests.evaluation.kit import LIMITS
from tests.fakes import FakeDetector, color_of, group, nobody, portrait


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "RGB"
        return np.asarray(picture)


def test_the_largest_face_of_each_photo(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name, data in {
        "ann/a.png": group([3, 4], [60, 90]),
        "ann/nobody.png": nobody(),
        "ann/small.png": group([5], [30]),
        "ann/text.txt": b"no photo",
        "bob/b.webp": portrait(9, file_format="WEBP"),
    }.items():
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(data)
    seen: list[int] = []
    done = crop_all(
        from_folders(photos).pictures,
        tmp_path / "Data_Cropped",
        FakeDetector(),
        LIMITS,
        CropTerms(40, 0.1, 96),
        on_progress=lambda _stage, count, _total: seen.append(count),
    )
    assert done.saved == 2
    assert {one.name: one.code for one in done.unusable} == {
        "ann/nobody.png": "no_face",
        "ann/small.png": "face_too_small",
        "ann/text.txt": "unsupported_image",
    }
    assert seen == [1, 2, 3, 4, 5]
    found = sorted(path for path in (tmp_path / "Data_Cropped").rglob("*") if path.is_file())
    assert [str(path.relative_to(tmp_path / "Data_Cropped")) for path in found] == [
        "ann/a.png.png",
        "bob/b.webp.png",
    ]
    face = pixels(found[0])
    assert face.shape == (96, 96, 3)
    assert tuple(face[48, 48]) == color_of(4)


def test_photos_that_differ_by_their_ending_only_are_both_kept(tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "ann"
    photos.mkdir(parents=True)
    (photos / "a.bmp").write_bytes(portrait(3, file_format="BMP"))
    (photos / "a.png").write_bytes(portrait(4))
    done = crop_all(
        from_folders(photos.parent).pictures, tmp_path / "out", FakeDetector(), LIMITS, CropTerms()
    )
    assert done.saved == 2
    assert tuple(pixels(tmp_path / "out" / "ann" / "a.bmp.png")[80, 80]) == color_of(3)
    assert tuple(pixels(tmp_path / "out" / "ann" / "a.png.png")[80, 80]) == color_of(4)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_margin_shows_what_is_around_the_face(margin: float) -> None:
    photo = decode(group([3], [100]), 1_000_000)
    face = largest_face(FakeDetector(), photo, 40)
    cut = square_crop(photo, face, margin, 200)
    is_face = (np.abs(cut.astype(int) - color_of(3)).max(axis=2) < 20).any(axis=0)
    # The face's square is 160 px high, as the photo; the face in it is 100 px wide.
    assert is_face.mean() == pytest.approx(100 / (160 * (1 + 2 * margin)), abs=0.02)
    assert is_face[100]
    with Image.open(io.BytesIO(png(cut))) as saved:
        np.testing.assert_array_equal(np.asarray(saved), cut)
