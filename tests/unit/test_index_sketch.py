"""The bit sketch and the projection under it, against the plainest way to compute them."""

from pathlib import Path

import numpy as np
import pytest

from core.types import Similarity
from index.projection import BITS, HEAD_BITS, SHORT, Projection, comparable
from index.sketch import HEADS, Sketch, _places
from tests.index_kit import embeddings


def sketch_of(projection: Projection, vectors: np.ndarray) -> Sketch:
    words = projection.words(vectors)
    return Sketch(np.ascontiguousarray(words[:, :HEADS].T), words)


@pytest.mark.parametrize("dimensions", [3, 16, 128, 512])
def test_a_projection_is_the_same_each_time_and_comes_back_from_disk(
    tmp_path: Path, dimensions: int
) -> None:
    vectors = embeddings(300, dimensions)
    one, two = Projection.learned(vectors), Projection.learned(vectors)
    one.save(tmp_path / "projection.npy")
    back = Projection.load(tmp_path / "projection.npy", dimensions)
    for other in (two, back):
        assert (one.words(vectors) == other.words(vectors)).all()
        assert np.allclose(one.shortened(vectors), other.shortened(vectors))
    assert one.words(vectors).shape == (300, BITS // 64)
    assert one.shortened(vectors).shape == (300, min(SHORT, dimensions))
    with pytest.raises(ValueError, match="projection"):
        Projection.load(tmp_path / "projection.npy", dimensions + 1)


def test_what_is_shortened_is_never_farther_apart_and_keeps_what_differs_most() -> None:
    random = np.random.default_rng(3)
    # Forty directions that matter among 128.
    vectors = (random.standard_normal((2000, 40)) @ random.standard_normal((40, 128))).astype("f4")
    short = Projection.learned(vectors).shortened(vectors)
    whole = np.linalg.norm(vectors[:1000] - vectors[1000:], axis=1)
    kept = np.linalg.norm(short[:1000] - short[1000:], axis=1)
    assert (kept <= whole * 1.0001).all()
    # 32 of the 40 directions, and the largest of them.
    assert (kept / whole).mean() > np.sqrt(SHORT / 40)


def test_equal_bits_tell_the_angle() -> None:
    vectors = embeddings(1000, 512)
    projection = Projection.learned(embeddings(5000, 512, seed=6))
    near = comparable(0.6 * vectors[:50] + 0.8 * embeddings(50, 512, seed=8), Similarity.COSINE)
    differing = np.bitwise_count(projection.words(near) ^ projection.words(vectors[:50])).sum(1)
    expected = np.arccos((near * vectors[:50]).sum(1)) / np.pi * BITS
    assert abs(differing.mean() - expected.mean()) < 5


@pytest.mark.parametrize("count", [1, 7, 8, 511, 3000, 20_000])
def test_the_nearest_are_those_with_most_equal_bits(count: int) -> None:
    vectors = embeddings(count, 64)
    projection = Projection.learned(vectors)
    sketch = sketch_of(projection, vectors)
    query = projection.words(embeddings(1, 64, seed=9))[0]
    rows = sketch.nearest(query, 50, share=1.0)
    differing = np.bitwise_count(sketch.words ^ query).sum(axis=1)
    assert len(set(rows.tolist())) == len(rows) == min(50, count)
    assert sorted(differing[rows]) == sorted(differing)[:50]


def test_the_first_pass_keeps_the_rows_with_the_nearest_heads() -> None:
    vectors = embeddings(30_000, 64)
    projection = Projection.learned(vectors)
    sketch = sketch_of(projection, vectors)
    query = projection.words(embeddings(1, 64, seed=9))[0]
    kept = sketch._kept(query, 900)
    heads = np.bitwise_count(sketch.words[:, :HEADS] ^ query[:HEADS]).sum(axis=1)
    assert 900 / 1.5 < len(kept) < 900 * 1.5
    assert heads[kept].max() < np.delete(heads, kept).min()
    assert heads.max() <= HEAD_BITS


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 1.0])
@pytest.mark.parametrize("count", [0, 1, 8, 9, 1000, 1007])
def test_places_are_those_that_numpy_finds(count: int, share: float) -> None:
    mask = np.random.default_rng(count).random(count) < share
    assert _places(mask).tolist() == np.flatnonzero(mask).tolist()


def test_unit_length_counts_only_where_the_angle_does() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    assert comparable(vectors, Similarity.COSINE)[0].tolist() == pytest.approx([0.6, 0.8])
    assert np.isfinite(comparable(vectors, Similarity.COSINE)).all()
    assert comparable(vectors, Similarity.EUCLIDEAN) is vectors
