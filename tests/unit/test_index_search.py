"""Search: exact similarities, the living only, and never too few of them."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from core.types import FaceRemoved, Similarity
from index import FaceIndex, Policy
from index.choice import Proposer
from tests.index_kit import SMALL, added, brute_force, by_id, embeddings, fill, space


@pytest.mark.parametrize("similarity", list(Similarity))
@pytest.mark.parametrize("policy", [SMALL, Policy()], ids=["annoy", "exact"])
def test_the_same_matches_as_one_by_one(
    tmp_path: Path, similarity: Similarity, policy: Policy
) -> None:
    vectors = embeddings(300)
    index = FaceIndex.open(tmp_path, space(similarity=similarity), policy)
    fill(index, vectors[:200])
    index.maintain()
    fill(index, vectors[200:], first_id=201)
    for query in embeddings(20, seed=8):
        expected = brute_force(by_id(vectors), query, 5, similarity)
        assert index.search(query, 5) == expected


@pytest.mark.parametrize("only", [Proposer.ANNOY, Proposer.SKETCH])
def test_the_planted_neighbor_is_found_in_a_large_segment(tmp_path: Path, only: Proposer) -> None:
    vectors = embeddings(3000, dimensions=64)
    policy = Policy(trees=20, forest_from=2000, only=only)
    index = FaceIndex.open(tmp_path, space(64), policy)
    fill(index, vectors, first_id=10**9)
    assert index.maintain()
    assert [segment.proposer for segment in index.status().segments] == [only]
    noise = embeddings(50, dimensions=64, seed=9)
    found = [
        index.search(vectors[row] + 0.8 * noise[row], 1)[0].face_id == 10**9 + row
        for row in range(50)
    ]
    assert sum(found) >= 48


@pytest.mark.parametrize(("sealed", "later"), [(100, 50), (50, 100)])
def test_faces_alike_are_ordered_by_id_wherever_they_are(
    tmp_path: Path, sealed: int, later: int
) -> None:
    vector = embeddings(1)
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, np.repeat(vector, 20, axis=0), first_id=sealed)
    index.maintain()
    fill(index, np.repeat(vector, 4, axis=0), first_id=later)
    everyone = sorted([*range(sealed, sealed + 20), *range(later, later + 4)])
    assert [match.face_id for match in index.search(vector[0], 6)] == everyone[:6]
    assert [match.face_id for match in index.search(vector[0], 24)] == everyone


def test_the_nearest_were_removed_and_still_k_are_found(tmp_path: Path) -> None:
    probe = embeddings(1, seed=3)[0]
    near = probe + 0.01 * embeddings(400, seed=4)
    far = embeddings(600, seed=5)
    lazy = Policy(seal_at=10**6, exact_below=8, trees=4, vacuum_share=1.0)
    index = FaceIndex.open(tmp_path, space(), lazy)
    index.rebuild(added(np.concatenate([near, far])), 1000)
    index.apply([FaceRemoved(1000 + face_id, face_id) for face_id in range(1, 401)], 1400)
    matches = index.search(probe, 7)
    assert len(matches) == 7
    assert all(match.face_id > 400 for match in matches)


def test_k_beyond_the_gallery_gives_all_of_it(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings(30)
    assert index.search(vectors[0], 3) == []
    fill(index, vectors)
    index.maintain()
    assert len(index.search(vectors[0], 100)) == 30
    assert index.search(vectors[0], 0) == []


@pytest.mark.parametrize(
    "query",
    [np.full(16, np.nan), np.full(16, np.inf), np.zeros(16), np.ones(15), np.ones((1, 16))],
    ids=["nan", "inf", "zero", "short", "matrix"],
)
def test_what_is_no_embedding_is_not_searched(tmp_path: Path, query: np.ndarray) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, embeddings(3))
    with pytest.raises(ModelError):
        index.search(query.astype(np.float32), 1)
