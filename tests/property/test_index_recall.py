"""Thousands of faces without any structure, the hardest to index: how many are found again.

Every segment is searched by candidates only, some faces are removed and some are in the delta.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.types import FaceRemoved, Matrix, Similarity
from core.vectors import similarities
from index import FaceIndex, Policy
from index.choice import Proposer
from tests.index_kit import adds_up, embeddings, fill, space

COUNT, DIMENSIONS, ASKED = 3000, 64, 60
CORRELATION = 0.6
"""Of a query with its face, as of a hard photo of the same person."""
LEAST_FOUND = 0.95
"""Of these queries' faces; the index measures for 0.995 when it builds a segment."""
LEAST_OF_TEN = 0.6
"""Of a query's ten best, nine of which are anybody's: 0.8 to 1 was measured, and candidates that
have nothing to do with the query would hold one in ten."""


def policy(only: Proposer) -> Policy:
    return Policy(
        seal_at=512, exact_below=64, forest_from=65, trees=20, fanout=3, probes=100, only=only
    )


def filled(directory: Path, vectors: Matrix, similarity: Similarity, only: Proposer) -> FaceIndex:
    """In segments of several sizes; every tenth face is removed, and the last hundred not sealed.

    Face i + 1 is row i."""
    index = FaceIndex.open(directory, space(DIMENSIONS, similarity), policy(only))
    starts = [*range(0, COUNT - 100, 580), COUNT - 100, COUNT]
    for start, end in pairwise(starts):
        fill(index, vectors[start:end], first_id=start + 1)
        assert index.maintain() == (end < COUNT)
    removed = [FaceRemoved(COUNT + i // 10 + 1, i + 1) for i in range(0, COUNT, 10)]
    index.apply(removed, removed[-1].seq)
    return index


@pytest.mark.parametrize("similarity", Similarity)
@pytest.mark.parametrize("only", [Proposer.SKETCH, Proposer.ANNOY])
def test_faces_are_found_among_thousands_by_candidates_alone(
    tmp_path: Path, similarity: Similarity, only: Proposer
) -> None:
    vectors = embeddings(COUNT, DIMENSIONS, seed=11)
    index = filled(tmp_path, vectors, similarity, only)
    segments = index.status().segments
    assert len(segments) > 1
    assert {segment.proposer for segment in segments} == {only}
    assert adds_up(index)

    living = np.flatnonzero(np.arange(COUNT) % 10 != 0)
    noise = embeddings(ASKED, DIMENSIONS, seed=12)
    asked = np.random.default_rng(13).choice(living, ASKED, replace=False)
    found = found_of_ten = 0
    for row, other in zip(asked, noise, strict=True):
        query = CORRELATION * vectors[row] + np.sqrt(1 - CORRELATION**2) * other
        query = (query / np.linalg.norm(query)).astype(np.float32)
        scores = similarities(query, vectors[living], similarity)
        best = set((living[np.argsort(-scores)[:10]] + 1).tolist())
        matches = index.search(query, 10)
        assert len(matches) == 10
        for match in matches:
            [exact] = similarities(query, vectors[[match.face_id - 1]], similarity)
            assert match.face_id % 10 != 1
            assert match.similarity == float(exact)
        found += matches[0].face_id == living[scores.argmax()] + 1
        found_of_ten += len(best & {match.face_id for match in matches})
    assert found >= LEAST_FOUND * ASKED
    assert found_of_ten >= LEAST_OF_TEN * 10 * ASKED


@pytest.mark.parametrize("only", [Proposer.SKETCH, Proposer.ANNOY])
def test_a_face_in_the_gallery_is_always_the_best_answer_to_itself(
    tmp_path: Path, only: Proposer
) -> None:
    vectors = embeddings(COUNT, DIMENSIONS, seed=21)
    index = filled(tmp_path, vectors, Similarity.COSINE, only)
    for row in range(1, COUNT, 7):
        best = index.search(vectors[row], 1)[0]
        assert (best.face_id == row + 1) == (row % 10 != 0)
