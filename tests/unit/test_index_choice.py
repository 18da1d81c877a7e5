"""Who finds candidates: the table of the choice, and that what it is measured by is true."""

import numpy as np
import pytest

from core.types import Similarity
from index.choice import EXACT, Choice, Proposer, Trial, chosen, decoded_choice, least
from index.finders import Finders
from index.measure import measured
from index.policy import Policy
from index.probes import probes
from index.progress import unheard
from index.projection import Projection, comparable
from index.sketch import HEADS, Sketch
from tests.index_kit import embeddings

FAST, SLOW = 0.001, 0.004


@pytest.mark.parametrize(
    ("sketch", "annoy", "only", "expected"),
    [
        # The faster of two that reach it.
        ((0.999, SLOW), (0.996, FAST), None, Proposer.ANNOY),
        ((0.999, FAST), (0.999, SLOW), None, Proposer.SKETCH),
        # Only one reaches it.
        ((0.900, FAST), (0.999, SLOW), None, Proposer.ANNOY),
        ((0.999, SLOW), (0.980, FAST), None, Proposer.SKETCH),
        # Neither does: no trees for nothing.
        ((0.900, SLOW), (0.950, FAST), None, Proposer.SKETCH),
        # There are no trees.
        ((0.900, SLOW), None, None, Proposer.SKETCH),
        # One is asked for.
        ((0.999, FAST), (0.900, SLOW), Proposer.ANNOY, Proposer.ANNOY),
        ((0.900, SLOW), (0.999, FAST), Proposer.SKETCH, Proposer.SKETCH),
    ],
)
def test_the_choice(
    sketch: tuple[float, float],
    annoy: tuple[float, float] | None,
    only: Proposer | None,
    expected: Proposer,
) -> None:
    by_annoy = [Trial(4000, *annoy)] if annoy else []
    choice = chosen([Trial(0.01, *sketch)], by_annoy, 0.995, only)
    assert choice.proposer is expected
    assert choice.share == 0.02
    assert choice.search_k == (12_000 if expected is Proposer.ANNOY else 0)


def test_the_least_effort_that_is_enough_or_the_best_there_is() -> None:
    trials = [Trial(1, 0.9, FAST), Trial(2, 0.996, FAST), Trial(4, 1.0, SLOW)]
    assert least(trials, 0.995).effort == 2
    assert least(trials[:1], 0.995).effort == 1
    assert least([Trial(1, 0.9, FAST), Trial(2, 0.9, FAST)], 0.995).effort == 1


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"proposer": "oracle", "search_k": 0, "share": 1.0, "recall": 1.0},
        {"proposer": "annoy", "search_k": -1, "share": 0.1, "recall": 1.0},
        {"proposer": "sketch", "search_k": 0, "share": 0, "recall": 1.0},
        {"proposer": "sketch", "search_k": 0, "share": "many", "recall": 1.0},
    ],
)
def test_what_is_no_choice_is_refused(item: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decoded_choice(item)


def test_a_choice_comes_back() -> None:
    choice = Choice(Proposer.ANNOY, 4000, 0.005, 0.9975)
    item = {"proposer": "annoy", "search_k": 4000, "share": 0.005, "recall": 0.9975}
    assert decoded_choice(item) == choice
    assert decoded_choice({"proposer": "exact", "search_k": 0, "share": 1, "recall": 1}) == EXACT


@pytest.mark.parametrize("similarity", list(Similarity))
def test_probes_know_their_best_face(similarity: Similarity) -> None:
    vectors = 3 * embeddings(5000, 64) + 0.1
    found = probes(vectors, similarity, 60, unheard)
    rows = comparable(vectors, similarity)
    assert 30 <= found.count <= 60
    for query, best in zip(found.queries, found.best, strict=True):
        assert best == np.linalg.norm(rows - query, axis=1).argmin()


def test_where_people_have_several_faces_one_is_the_probe_for_another() -> None:
    people = embeddings(1500, 64)
    faces = comparable(
        np.repeat(people, 3, axis=0) + 0.5 * embeddings(4500, 64, seed=3), Similarity.COSINE
    )
    found = probes(faces, Similarity.COSINE, 100, unheard)
    assert found.count > 90
    own = [int((faces @ query).argmax()) for query in found.queries]
    assert all(row != best for row, best in zip(own, found.best, strict=True))
    assert np.mean([row // 3 == best // 3 for row, best in zip(own, found.best, strict=True)]) > 0.9


@pytest.mark.parametrize("count", [1, 5, 11])
def test_a_few_faces_are_probed_too(count: int) -> None:
    found = probes(embeddings(count, 16), Similarity.COSINE, 100, unheard)
    assert 1 <= found.count <= count
    assert found.best.max() < count


@pytest.mark.parametrize("target", [0.5, 0.999])
def test_the_recall_that_is_recorded_is_the_one_that_is_found(target: float) -> None:
    vectors = embeddings(20_000, 32)
    projection = Projection.learned(vectors)
    words = projection.words(vectors)
    sketch = Sketch(np.ascontiguousarray(words[:, :HEADS].T), words)
    finders = Finders(Similarity.COSINE, projection, sketch, None)
    found = probes(vectors, Similarity.COSINE, 150, unheard)
    policy = Policy(candidates=20)
    choice = measured(finders, found, policy, target, unheard)
    hits = [
        best in finders.nearest(query, 20, choice, 1)
        for query, best in zip(found.queries, found.best, strict=True)
    ]
    assert choice.proposer is Proposer.SKETCH
    assert np.mean(hits) >= choice.recall
    assert choice.recall >= target or choice.share == 0.2
