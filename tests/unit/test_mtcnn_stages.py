"""MTCNN's arithmetic without its networks: any content costs bounded work."""

import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pipeline.detection.boxes import Boxes, best_first, moved, squares, unrivalled
from pipeline.detection.mtcnn import face_from_row
from pipeline.detection.sampling import FastSampling, scales_for
from pipeline.detection.stages import (
    MOST_AT_A_SIZE,
    MOST_FACES,
    MOST_PROPOSALS,
    Stages,
    coarse_to_fine,
    is_largest_by_far,
)
from pipeline.images.decode import Pixels
from pipeline.models.onnx_runtime import Floats
from tests.mtcnn_package import PackageSampling


def some_boxes(count: int, spread: float, seed: int = 1) -> Boxes:
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, spread, (count, 2)), rng.uniform(10, 40, (count, 2))
    confidence = np.sort(rng.uniform(0.6, 1, count))[::-1]
    return np.column_stack([corners, corners + sides, confidence])


@pytest.mark.parametrize(("count", "overlap"), [(0, 0.5), (1, 0.5), (900, 0.5), (900, 0.7)])
@pytest.mark.parametrize("method", ["union", "min"])
def test_the_kept_boxes_are_those_of_the_package(count: int, overlap: float, method: str) -> None:
    from mtcnn.utils.bboxes import smart_nms_from_bboxes

    boxes = some_boxes(count, 150)
    numbered = np.column_stack([np.zeros(count), boxes])
    expected = smart_nms_from_bboxes(numbered, overlap, method=method, initial_sort=False)
    found = unrivalled(boxes, overlap, of_smaller=method == "min")
    assert (found == expected[:, 1:]).all()
    assert len(found) == len(expected)


def test_boxes_are_moved_and_squared_as_by_the_package() -> None:
    from mtcnn.utils.bboxes import adjust_bboxes, resize_to_square

    boxes = some_boxes(50, 150)
    offsets = np.random.default_rng(2).uniform(-0.3, 0.3, (50, 4))
    numbered = np.column_stack([np.zeros(50), boxes])
    assert moved(boxes, offsets) == pytest.approx(adjust_bboxes(numbered, offsets)[:, 1:])
    assert squares(boxes) == pytest.approx(resize_to_square(numbered)[:, 1:])


def test_the_best_come_first() -> None:
    boxes = some_boxes(9, 100)[::-1]
    assert (np.diff(best_first(boxes)[:, 4]) <= 0).all()


def test_thousands_of_proposals_need_little_memory() -> None:
    boxes = some_boxes(MOST_AT_A_SIZE, 2000)
    tracemalloc.start()
    unrivalled(boxes, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000  # one matrix of all with all has 200 MB, and the package made ten


@pytest.mark.parametrize(("width", "height"), [(20, 20), (300, 1024), (1024, 768), (2048, 1365)])
def test_a_picture_is_looked_through_at_the_packages_sizes(width: int, height: int) -> None:
    from mtcnn.utils.images import build_scale_pyramid

    expected = build_scale_pyramid(width, height, min_face_size=20, scale_factor=0.709)
    found = scales_for(width, height, 20)
    assert found[: len(expected)] == pytest.approx(list(expected))
    assert len(found) <= len(expected) + 1  # the package may leave out the last one that fits


def test_no_size_is_smaller_than_the_window() -> None:
    assert scales_for(19, 500, 20) == []
    assert scales_for(500, 40, 40) == [0.3]


def test_a_size_is_as_large_as_asked_and_shows_the_same() -> None:
    rgb = np.zeros((301, 403, 3), np.uint8)
    rgb[:, 200:] = (200, 100, 50)
    scales = [0.9, 0.3, 0.1]
    shapes = [(1, 270, 362, 3), (1, 90, 120, 3), (1, 30, 40, 3)]
    for sampling in (FastSampling(), PackageSampling()):
        levels = list(sampling.levels(rgb, scales))
        assert [level.shape for level in levels] == shapes
        for level in levels:
            half = level.shape[2] // 2
            assert level[0, :, : half - 2].max() == 0
            assert np.abs(level[0, :, half + 2 :] - (200, 100, 50)).max() <= 0.01


def test_crops_are_those_of_the_package_and_gray_outside() -> None:
    ramp = np.mgrid[0:90, 0:120].sum(axis=0)[..., None]
    rgb = np.broadcast_to(ramp, (90, 120, 3)).astype(np.uint8)
    boxes = np.array([[10.0, 20, 58, 68, 1], [-30, 70, 20, 120, 1], [3.3, 4.4, 99.9, 77.7, 1]])
    ours = FastSampling().crops(rgb, boxes, 24)
    theirs = PackageSampling().crops(rgb, boxes, 24)
    inside = theirs != 127.5
    assert np.abs(ours - theirs)[inside].max() <= 3  # whole gray levels, and 32 steps a pixel
    assert np.abs(ours[1, -1, 0] - 127.5).max() <= 0.5
    assert FastSampling().crops(rgb, boxes[:0], 24).shape == (0, 24, 24, 3)


def test_more_crops_than_one_map_holds() -> None:
    rgb = np.full((50, 50, 3), 7, np.uint8)
    crops = FastSampling().crops(rgb, np.tile([[5.0, 5, 40, 40, 1]], (1500, 1)), 24)
    assert crops.shape == (1500, 24, 24, 3)
    assert (crops == 7).all()


class Everywhere:
    """A network that sees a face in everything, and notes how many crops it was given."""

    def __init__(self, outputs: int = 2) -> None:
        self.outputs = outputs
        self.asked: list[int] = []

    def run(self, pixels: Floats) -> list[Floats]:
        self.asked.append(len(pixels))
        count = len(pixels)
        random = np.random.default_rng(len(self.asked))
        probability = random.uniform(0.9, 1, (count, 2))
        answers = [np.zeros((count, 4)), probability, np.zeros((count, 10))]
        return [answer.astype(np.float32) for answer in answers[: self.outputs]]


class EverywhereProposing(Everywhere):
    """Every window of a picture is a face, moved somewhere else, so that none is a rival."""

    def run(self, pixels: Floats) -> list[Floats]:
        random = np.random.default_rng(len(self.asked))
        self.asked.append(len(pixels))
        offsets = random.uniform(0, 10_000, (1, 2, 150, 150))
        probability = random.uniform(0.9, 1, (1, 2, 150, 150))
        both = np.concatenate([offsets, offsets], axis=1)
        return [both.astype(np.float32), probability.astype(np.float32)]


class NoSampling:
    def levels(self, rgb: Pixels, scales: Sequence[float]) -> Iterator[Floats]:
        return (np.zeros((1, 12, 12, 3), np.float32) for _ in scales)

    def crops(self, rgb: Pixels, boxes: Boxes, side_px: int) -> Floats:
        return np.zeros((len(boxes), 1, 1, 3), np.float32)


def test_a_picture_full_of_faces_gives_the_later_stages_only_so_many() -> None:
    proposing, refining, deciding = EverywhereProposing(), Everywhere(), Everywhere(outputs=3)
    stages = Stages(proposing, refining, deciding)  # type: ignore[arg-type]
    found = stages.faces(np.zeros((9, 9, 3), np.uint8), [1.0, 0.7, 0.5], NoSampling())
    assert len(proposing.asked) == 3
    assert sum(refining.asked) == MOST_PROPOSALS
    assert sum(deciding.asked) == MOST_FACES
    assert max(refining.asked) <= 256
    assert found.shape == (MOST_FACES, 15)


def test_a_picture_without_a_proposal_has_no_face() -> None:
    class Nowhere(Everywhere):
        def run(self, pixels: Floats) -> list[Floats]:
            self.asked.append(len(pixels))
            return [np.zeros((1, 4, 5, 5), np.float32), np.zeros((1, 2, 5, 5), np.float32)]

    refining = Everywhere()
    stages = Stages(Nowhere(), refining, Everywhere(outputs=3))  # type: ignore[arg-type]
    assert stages.faces(np.zeros((9, 9, 3), np.uint8), [1.0], NoSampling()).shape == (0, 15)
    assert sum(refining.asked) == 0


def test_numbers_that_are_no_face_are_dropped() -> None:
    row = np.arange(15, dtype=np.float64)
    row[:5] = (1, 2, 5, 9, 1.0000001)
    face = face_from_row(row)
    assert face is not None
    assert (face.box.x, face.box.y, face.box.width, face.box.height) == (1, 2, 4, 7)
    assert face.confidence == 1.0
    assert face.landmarks.points()[0] == (5.0, 10.0)
    assert face_from_row(np.where(np.arange(15) == 7, np.nan, row)) is None
    row[2] = 1
    assert face_from_row(row) is None


@pytest.mark.parametrize(
    ("width", "height", "least"), [(640, 480, 40), (60, 900, 20), (30, 30, 20)]
)
def test_the_sizes_are_looked_through_once_from_the_largest_faces_on(
    width: int, height: int, least: int
) -> None:
    scales = scales_for(width, height, least)
    parts = list(coarse_to_fine(scales, min(width, height)))
    assert [scale for part in reversed(parts) for scale in part] == scales
    assert all(parts)
    assert len(parts) == 1 or 12 / parts[0][0] >= min(width, height) / 4


def test_no_size_has_no_part() -> None:
    assert list(coarse_to_fine([], 100)) == []


@pytest.mark.parametrize(
    ("widths", "by_far"),
    [([], False), ([100], True), ([49], False), ([100, 60], True), ([100, 80], False)],
)
def test_the_largest_is_so_by_far_or_everything_is_looked_at(
    widths: list[float], by_far: bool
) -> None:
    boxes = np.array([[0, 0, width, width, 1] for width in widths], float).reshape(-1, 5)
    assert is_largest_by_far(boxes, least_px=40) is by_far
