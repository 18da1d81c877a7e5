"""MTCNN's first stage with bounds, without a network: any content costs bounded work."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from pipeline.detection.proposals import (
    MOST_AT_A_STEP,
    MOST_FACES,
    MOST_PROPOSALS,
    BestRefined,
    Boxes,
    Proposals,
    scales,
    unrivalled,
)


def some_boxes(count: int, spread: float, seed: int = 1) -> Boxes:
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, spread, (count, 2)), rng.uniform(10, 40, (count, 2))
    confidence = np.sort(rng.uniform(0.6, 1, count))[::-1]
    return np.column_stack([np.zeros(count), corners, corners + sides, confidence])


def test_the_kept_boxes_are_those_of_the_package() -> None:
    from mtcnn.utils.bboxes import smart_nms_from_bboxes

    for count, overlap in ((0, 0.5), (1, 0.5), (900, 0.5), (900, 0.7)):
        boxes = some_boxes(count, 150)
        expected = smart_nms_from_bboxes(boxes, overlap, initial_sort=False) if count else boxes
        assert (unrivalled(boxes, overlap) == expected).all()
        assert len(unrivalled(boxes, overlap)) == len(expected)


def test_thousands_of_proposals_need_little_memory() -> None:
    boxes = some_boxes(MOST_AT_A_STEP, 2000)
    tracemalloc.start()
    unrivalled(boxes, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000  # one matrix of all with all has 200 MB, and the package made ten


def test_a_picture_full_of_faces_gives_the_later_stages_only_so_many() -> None:
    asked: list[int] = []

    def everywhere(offsets: Any, faces: Any, confidence: float) -> Boxes:
        asked.append(1)
        return some_boxes(20_000, 1_000_000, seed=len(asked))

    stage = Proposals(lambda picture: (None, None), lambda picture, scale: picture, everywhere, 40)
    found = stage(None, np.zeros((1, 300, 300, 3)), None)
    assert len(asked) > 3
    assert found.shape == (MOST_PROPOSALS, 6)
    assert found[:, 3] - found[:, 1] == pytest.approx(found[:, 4] - found[:, 2])


def test_the_last_stage_is_given_only_so_many() -> None:
    refined = BestRefined(lambda bboxes_batch, images_normalized: some_boxes(1500, 1000))
    assert len(refined(some_boxes(1500, 1000), None, None)) == MOST_FACES


@pytest.mark.parametrize(("width", "height"), [(20, 20), (300, 1024), (1024, 768)])
def test_small_pictures_are_looked_through_as_by_the_package(width: int, height: int) -> None:
    from mtcnn.utils.images import build_scale_pyramid

    expected = build_scale_pyramid(width, height, min_face_size=20, scale_factor=0.709)
    assert scales(width, height, 40) == pytest.approx(expected)


def test_large_pictures_are_not_searched_for_faces_too_small_to_use() -> None:
    everything = scales(2048, 1500, 20)
    assert scales(2048, 1500, 40) == pytest.approx(everything[1:])
    assert 12 / scales(2048, 1500, 40)[0] < 40 * 0.709 + 0.1
