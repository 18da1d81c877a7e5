"""Verification's error rates: counted by hand, and as scikit-learn counts them."""

import numpy as np
import pytest

from evaluation.metrics.curves import at_fmr, auc, curve, eer, scores, thinned
from evaluation.metrics.folds import best_threshold, fold_accuracy

EASY = scores([0.9, 0.8, 0.7, 0.3], [0.6, 0.2, 0.1, 0.0])


def drawn(seed: int, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that overlap; few digits make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.random(400) < 0.3
    values = np.round(rng.normal(0.5 * labels, 0.4), digits)
    return labels, values


def test_a_curve_counted_by_hand() -> None:
    found = curve(EASY)
    assert found is not None
    assert found.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.0]
    assert found.fmr.tolist() == [0, 0, 0, 0, 0.25, 0.25, 0.5, 0.75, 1]
    assert found.fnmr.tolist() == [1, 0.75, 0.5, 0.25, 0.25, 0, 0, 0, 0]
    # Of 16 couples, only the refused one's similarity is below an impostor's.
    assert auc(found) == pytest.approx(15 / 16)
    assert eer(found) == pytest.approx(0.25)


def test_a_threshold_accepts_what_equals_it() -> None:
    assert EASY.false_matches(0.6).errors == 1
    assert EASY.false_matches(0.61).errors == 0
    assert EASY.false_non_matches(0.7).errors == 1
    assert EASY.false_non_matches(0.71).errors == 2


def test_equal_similarities_of_one_and_of_two_people_tell_nothing() -> None:
    found = curve(scores([0.5, 0.5, 0.5], [0.5, 0.5]))
    assert found is not None
    assert auc(found) == 0.5
    assert eer(found) == 0.5
    assert found.thresholds.tolist() == [np.inf, 0.5]


def test_no_errors_at_all() -> None:
    found = curve(scores([0.9, 0.8], [0.1, 0.2]))
    assert found is not None
    assert (auc(found), eer(found)) == (1.0, 0.0)


def test_everything_is_the_wrong_way_round() -> None:
    found = curve(scores([0.1, 0.2], [0.8, 0.9]))
    assert found is not None
    assert (auc(found), eer(found)) == (0.0, 1.0)


@pytest.mark.parametrize(("genuine", "impostor"), [([], [0.5]), ([0.5], []), ([], [])])
def test_one_kind_alone_has_no_curve(genuine: list[float], impostor: list[float]) -> None:
    given = scores(genuine, impostor)
    assert curve(given) is None
    assert at_fmr(given, 0.1) is None
    assert given.false_matches(0.5).value == (1.0 if impostor else None)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        scores([0.5, wrong], [0.1])
    with pytest.raises(ValueError, match="finite"):
        scores([0.5], [wrong])


@pytest.mark.parametrize("digits", [8, 1])
@pytest.mark.parametrize("seed", range(10))
def test_scikit_learn_agrees(seed: int, digits: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, values = drawn(seed, digits)
    found = curve(scores(values[labels], values[~labels]))
    assert found is not None
    fmr, tpr, thresholds = metrics.roc_curve(labels, values, drop_intermediate=False)
    np.testing.assert_allclose(found.fmr, fmr, atol=1e-12)
    np.testing.assert_allclose(1 - found.fnmr, tpr, atol=1e-12)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    assert auc(found) == pytest.approx(metrics.roc_auc_score(labels, values), abs=1e-12)
    assert auc(found) == pytest.approx(metrics.auc(fmr, tpr), abs=1e-12)
    assert eer(found) == pytest.approx(crossing(fmr, 1 - tpr), abs=1e-9)


def crossing(fmr: np.ndarray, fnmr: np.ndarray) -> float:
    """Where the line FMR = FNMR meets the interpolated curve, found by halving."""
    # A vertical step of the ROC is made a steep line, so that it can be interpolated.
    x = fmr + np.arange(len(fmr)) * 1e-15
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if middle < np.interp(middle, x, fnmr):
            low = middle
        else:
            high = middle
    return low


def test_fnmr_at_fmr_counted_by_hand() -> None:
    given = scores([0.9, 0.55, 0.5, 0.4], np.concatenate([[0.6, 0.5], np.linspace(0, 0.3, 38)]))
    assert at_fmr(given, 0.05) is None  # 59 comparisons are needed to say so
    found = at_fmr(given, 0.1)
    assert found is not None
    # 4 of 40 are allowed: the two high ones, and two more.
    assert found.threshold == pytest.approx(np.linspace(0, 0.3, 38)[-2])
    assert (found.fmr.errors, found.fnmr.errors) == (4, 0)


def test_impostors_above_everybody_leave_nobody_accepted() -> None:
    given = scores([0.5, 0.6], np.full(100, 0.9))
    found = at_fmr(given, 0.1)
    assert found is not None
    assert found.threshold == np.inf
    assert (found.fmr.errors, found.fnmr.errors) == (0, 2)


@pytest.mark.parametrize(("count", "known"), [(28, False), (29, True)])
def test_too_few_comparisons_say_nothing(count: int, known: bool) -> None:
    assert (at_fmr(scores([0.9], np.zeros(count)), 0.1) is not None) == known


def test_a_long_curve_is_thinned_between_its_ends() -> None:
    rng = np.random.default_rng(0)
    found = curve(scores(rng.random(5000), rng.random(5000)))
    assert found is not None
    thin = thinned(found, 200)
    assert 100 < thin.thresholds.size <= 200
    assert (thin.thresholds[0], thin.thresholds[-1]) == (np.inf, found.thresholds[-1])
    assert set(thin.fmr) <= set(found.fmr)
    assert thinned(thin, 200) is thin


def test_the_best_threshold_lies_between_the_two_kinds() -> None:
    genuine = np.asarray([False, False, True, True])
    assert best_threshold(np.asarray([0.1, 0.3, 0.7, 0.8]), genuine) == 0.5
    assert best_threshold(np.asarray([0.7, 0.1, 0.8, 0.3]), genuine[[2, 0, 3, 1]]) == 0.5


def test_the_best_threshold_splits_no_tie_and_may_accept_all_or_none() -> None:
    tied = np.asarray([0.5, 0.5, 0.5])
    assert best_threshold(tied, np.asarray([True, True, False])) == 0.5
    assert best_threshold(tied, np.asarray([False, True, False])) > 0.5


def test_each_part_is_judged_by_the_threshold_of_the_others() -> None:
    # Two parts whose best thresholds differ: each is judged by the other's.
    values = np.asarray([0.2, 0.4, 0.6, 0.8])
    genuine = np.asarray([False, True, False, True])
    folds = np.asarray([0, 0, 1, 1])
    found = fold_accuracy(values, genuine, folds)
    assert found is not None
    assert list(found.thresholds) == pytest.approx([0.7, 0.3])
    assert found.accuracies == (0.5, 0.5)
    assert (found.mean, found.standard_error) == (0.5, 0.0)


def test_one_part_has_no_accuracy() -> None:
    one = np.zeros(4, dtype=np.int64)
    assert fold_accuracy(np.zeros(4), np.asarray([True] * 4), one) is None
