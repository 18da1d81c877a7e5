"""What is compared with what, and what comes of it."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest

from core.types import Matrix, Similarity
from core.vectors import similarity_of
from evaluation.comparisons import everybody, labelled, similarities_of
from evaluation.datasets.dataset import Pair
from evaluation.identifying import identification, plan
from evaluation.verification import verification, worst
from pipeline.decision import Rule

RULE = Rule(0.6, 0.02)


def made(people: int, photos: int, noise: float = 0.3, seed: int = 0) -> tuple[Matrix, np.ndarray]:
    """Unit vectors around a direction for each person, and whose they are."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((people, 32))
    rows = np.repeat(centers, photos, axis=0) + noise * rng.standard_normal((people * photos, 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.repeat(np.arange(people), photos)


@pytest.mark.parametrize("similarity", list(Similarity))
def test_similarities_are_those_of_kenals_answers(similarity: Similarity) -> None:
    rows, whose = made(5, 3)
    rows = rows * 1.5 if similarity is Similarity.EUCLIDEAN else rows
    found = everybody(whose)
    values = similarities_of(rows, found, similarity)
    assert len(values) == 15 * 14 / 2
    for i, j, value in zip(found.first, found.second, values, strict=True):
        assert value == pytest.approx(similarity_of(rows[i], rows[j], similarity), abs=1e-6)


def test_each_two_photos_once() -> None:
    found = everybody(np.asarray([0, 0, 1, 1, 1]))
    assert not found.sampled
    assert int(found.genuine.sum()) == 1 + 3
    assert len({*zip(found.first.tolist(), found.second.tolist(), strict=True)}) == 10


def test_too_many_comparisons_are_drawn_by_lot() -> None:
    whose = np.repeat(np.arange(200), 5)
    found = everybody(whose, most=1000, seed=1)
    again = everybody(whose, most=1000, seed=1)
    assert found.sampled
    assert int(found.genuine.sum()) == int((~found.genuine).sum()) == 1000
    assert (whose[found.first] == whose[found.second]).tolist() == found.genuine.tolist()
    pairs = {*zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert len(pairs) == 2000
    assert all(i != j for i, j in pairs)
    np.testing.assert_array_equal(found.first, again.first)
    assert everybody(whose, most=1000, seed=2).first.tolist() != found.first.tolist()


def test_all_of_one_kind_are_taken_where_they_are_few() -> None:
    found = everybody(np.repeat(np.arange(100), 2), most=5000)
    assert int(found.genuine.sum()) == 100
    assert int((~found.genuine).sum()) > 4000


def test_few_comparisons_of_two_are_all_taken_beside_one_person_of_many_photos() -> None:
    whose = np.concatenate([np.zeros(150, dtype=np.int64), np.arange(1, 6)])
    found = everybody(whose, most=2000)
    assert found.sampled
    assert int(found.genuine.sum()) == 2000
    pairs = {*zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert len(pairs) == 2000 + 150 * 5 + 10
    everything = everybody(np.arange(100), most=4950)
    assert not everything.sampled


def test_where_no_kind_is_too_many_nothing_is_drawn() -> None:
    found = everybody(np.repeat([0, 1], 40), most=1600)
    assert (int(found.genuine.sum()), int((~found.genuine).sum())) == (1560, 1600)
    assert not found.sampled


def test_the_lot_favors_no_pair() -> None:
    whose = np.asarray([3, 0, 0, 1, 0, 1])
    times: Counter[tuple[int, ...]] = Counter()
    for seed in range(2000):
        found = everybody(whose, most=3, seed=seed)
        pairs = np.stack([found.first, found.second], axis=1)[~found.genuine]
        times.update(tuple(sorted(pair)) for pair in pairs.tolist())
    # Each of the 11 pairs of two people in 3 of 11 drawings: 545, of a deviation of 20.
    assert len(times) == 11
    assert all(abs(count - 2000 * 3 / 11) < 100 for count in times.values())


def test_one_persons_many_photos_are_not_listed_pair_by_pair() -> None:
    whose = np.zeros(3000, dtype=np.int64)
    tracemalloc.start()
    try:
        found = everybody(whose, most=10_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.first) == 10_000
    # All 4.5 million pairs are 72 MB, more than once.
    assert peak < 10_000_000


def test_pairs_with_an_unusable_photo_are_counted() -> None:
    pairs = [Pair("a", "b", True, 1), Pair("a", "gone", False, 1), Pair("b", "a", False, 2)]
    found = labelled(pairs, {"a": 4, "b": 7})
    assert (found.first.tolist(), found.second.tolist()) == ([4, 7], [7, 4])
    assert (found.genuine.tolist(), found.folds.tolist()) == ([True, False], [1, 2])
    assert found.left_out == 1


def test_no_usable_pair_gives_nothing_and_fails_nothing() -> None:
    found = labelled([Pair("a", "b", True)], {})
    values = similarities_of(np.empty((0, 4), np.float32), found, Similarity.COSINE)
    judged = verification(found, values, 0.5)
    assert (judged.accuracy, judged.auc, judged.eer, judged.folds) == (None, None, None, None)
    assert all(point is None for _, point in judged.operating)


def test_a_verification_of_people_who_differ() -> None:
    rows, whose = made(20, 4)
    found = everybody(whose)
    judged = verification(found, similarities_of(rows, found, Similarity.COSINE), 0.6)
    assert (judged.fnmr.trials, judged.fmr.trials) == (20 * 6, 80 * 79 // 2 - 120)
    assert judged.accuracy is not None
    assert judged.accuracy > 0.99
    said = dict(judged.operating)
    assert said[0.1] is not None
    assert said[1e-2] is not None
    assert said[1e-3] is not None
    assert said[1e-4] is None  # 3040 comparisons of two people say nothing of one in 10,000
    assert judged.folds is None


def test_the_worst_pairs_of_each_kind() -> None:
    rows, whose = made(10, 3)
    found = everybody(whose)
    judged = verification(found, similarities_of(rows, found, Similarity.COSINE), 0.6)
    for genuine in (True, False):
        places = worst(judged, genuine, 5)
        values = judged.similarities[places]
        assert set(found.genuine[places].tolist()) == {genuine}
        assert values.tolist() == sorted(values.tolist(), reverse=not genuine)
        kind = judged.similarities[found.genuine == genuine]
        assert values[0] == (kind.min() if genuine else kind.max())
        shown = np.concatenate([found.first[places], found.second[places]])
        assert np.bincount(shown).max() <= 2


def test_people_are_enrolled_by_one_photo_and_the_rest_are_strangers() -> None:
    _, whose = made(10, 3)
    chosen = plan(whose, 0.5, seed=3)
    enrolled = set(whose[chosen.enrolled].tolist())
    assert len(enrolled) == len(chosen.enrolled) == 5
    assert len(chosen.probes) == 10
    assert whose[chosen.probes].tolist() == whose[chosen.enrolled[chosen.wanted]].tolist()
    assert set(whose[chosen.strangers].tolist()) == set(range(10)) - enrolled
    assert len(chosen.strangers) == 15
    assert plan(whose, 0.5, seed=4).enrolled.tolist() != chosen.enrolled.tolist()


def test_everybody_is_found_where_people_differ() -> None:
    rows, whose = made(40, 4, noise=0.2)
    found = identification(rows, whose, Similarity.COSINE, RULE)
    assert found is not None
    assert found.people == 40
    assert [rate.errors for rate in found.not_among] == [0] * 10
    assert [one.people for one in found.sizes] == [2, 5, 10, 20]
    assert (found.enrolled.right, found.enrolled.wrong_name) == (60, 0)
    assert (found.strangers.wrong_name, found.strangers.no_match) == (0, 80)
    said = dict(found.sizes[-1].open_set)
    assert said[0.1] is not None
    assert said[0.1].fnir.errors == 0
    assert said[1e-2] is None  # 80 strangers say nothing of one in 100


def test_more_people_make_more_mistakes() -> None:
    rows, whose = made(300, 3, noise=1.4)
    found = identification(rows, whose, Similarity.COSINE, Rule(0.4, 0.0))
    assert found is not None
    fpir = [one.fpir.value or 0 for one in found.sizes]
    assert fpir == sorted(fpir)
    assert fpir[-1] > 3 * fpir[0]
    last = found.sizes[-1]
    assert last.not_first.errors > found.sizes[0].not_first.errors
    # The same threshold, counted in two ways: by the rates, and by Kenal's own decisions.
    assert found.strangers.wrong_name == last.fpir.errors
    assert found.enrolled.right == last.fnir.trials - last.fnir.errors
    assert sum(rate.errors for rate in found.not_among) > 0


def test_the_margin_makes_doubtful_names_ambiguous() -> None:
    rows, whose = made(300, 3, noise=1.4)
    bold = identification(rows, whose, Similarity.COSINE, Rule(0.4, 0.0))
    careful = identification(rows, whose, Similarity.COSINE, Rule(0.4, 0.1))
    assert bold is not None
    assert careful is not None
    assert careful.enrolled.ambiguous > bold.enrolled.ambiguous
    assert careful.enrolled.wrong_name < bold.enrolled.wrong_name
    assert careful.enrolled.no_match == bold.enrolled.no_match


def test_without_a_second_photo_nobody_can_be_searched_for() -> None:
    rows, whose = made(5, 1)
    assert identification(rows, whose, Similarity.COSINE, RULE) is None


@pytest.mark.parametrize(("count", "sizes"), [(2, [1]), (3, [2])])
def test_very_few_people(count: int, sizes: list[int]) -> None:
    rows, whose = made(count, 3)
    found = identification(rows, whose, Similarity.COSINE, RULE)
    assert found is not None
    assert found.people == len(found.not_among) == count
    assert [one.people for one in found.sizes] == sizes
    assert found.strangers.no_match + found.enrolled.right == 3 * count - sum(sizes)
