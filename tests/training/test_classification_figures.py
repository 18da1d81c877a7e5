"""Baselines, refusals and the class report, by hand."""

import numpy as np
import pytest

from training.baselines import by_centroid, by_nearest, by_votes, centroids, similarity_to
from training.figures import class_report, confusion, mixed_up
from training.near_copies import near_copies
from training.rejecting import Scored, rejection, threshold_of


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# Person 0 at 0 and 40 degrees, person 1 at 50, 60 and 70, nobody is person 2.
ROWS, PEOPLE = unit(0, 40, 50, 60, 70), np.asarray([0, 0, 1, 1, 1])


def test_the_nearest_photo_and_the_centroid_may_differ() -> None:
    searched = unit(41, 25)
    assert by_nearest(ROWS, PEOPLE, searched, 3).people.tolist() == [0, 0]
    # Centroids stand at 20 and 60 degrees.
    found = by_centroid(ROWS, PEOPLE, searched, 3)
    assert found.people.tolist() == [1, 0]
    np.testing.assert_allclose(found.scores, np.cos(np.radians([19, 5])), atol=1e-6)


def test_votes_count_before_similarity() -> None:
    # All five vote: three of them for person 1.
    assert by_votes(ROWS, PEOPLE, unit(0), 3).people.tolist() == [1]
    # Of two votes each the more similar ones win.
    rows, people = unit(0, 30, 50, 80), np.asarray([0, 0, 1, 1])
    assert by_votes(rows, people, unit(10, 70), 2).people.tolist() == [0, 1]


def test_nobodys_centroid_is_like_nobody() -> None:
    middles = centroids(ROWS, PEOPLE, 3)
    np.testing.assert_allclose(np.linalg.norm(middles, axis=1), [1, 1, 0], atol=1e-6)
    assert similarity_to(unit(60), np.asarray([1]), middles)[0] == pytest.approx(1)


def test_class_report_is_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    people, named = rng.integers(0, 5, (2, 60))
    people[people == 4] = 3  # a person without a photo
    named[named == 0] = 1  # a name that is never said
    matrix = confusion(people, named, 5)
    metrics = pytest.importorskip("sklearn.metrics")
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        people, named, labels=range(5), zero_division=np.nan
    )
    for at, one in enumerate(class_report(matrix, list("abcde"))):
        assert one.photos == support[at]
        for ours, theirs in ((one.precision, precision), (one.recall, recall), (one.f1, f1)):
            assert (ours is None) == bool(np.isnan(theirs[at]))
            assert ours is None or ours == pytest.approx(theirs[at])


def test_mixed_up_people_are_told_most_first() -> None:
    matrix = np.asarray([[5, 1, 0], [3, 2, 0], [0, 0, 4]])
    assert mixed_up(matrix, ["a", "b", "c"]) == [("b", "a", 3), ("a", "b", 1)]


@pytest.mark.parametrize(("target", "named"), [(0.01, 0), (0.1, 1), (0.25, 2), (0.999, 9)])
def test_threshold_names_at_most_the_target(target: float, named: int) -> None:
    strangers = np.linspace(0.1, 1.0, 10)
    threshold = threshold_of(strangers, target)
    assert int(np.sum(strangers >= threshold)) == named
    # The lowest such: just above the next stranger.
    assert np.sum(strangers >= np.nextafter(threshold, 0)) == named + 1


def test_without_strangers_only_certainty_is_a_name() -> None:
    assert threshold_of(np.empty(0), 0.01) == 1.0


def test_refusals_are_counted_where_the_threshold_was_not_chosen() -> None:
    # Part 0's strangers reach 0.5, part 1's 0.8: each part is judged by the other's threshold.
    given = Scored(
        known=np.asarray([0.6, 0.9, 0.6, 0.4]),
        is_right=np.asarray([True, True, False, True]),
        known_folds=np.asarray([0, 0, 1, 1]),
        strangers=np.asarray([0.2, 0.5, 0.3, 0.8]),
        stranger_folds=np.asarray([0, 0, 1, 1]),
    )
    found = rejection(given, 0.01)
    assert found.threshold == pytest.approx(0.8)
    assert (found.strangers_named.errors, found.strangers_named.trials) == (1, 4)  # 0.8 over 0.5
    assert found.wrong_names.errors == 1  # 0.6 over 0.5
    assert found.not_named.errors == 2  # 0.6 under 0.8, 0.4 under 0.5
    assert not found.is_shown
    many = Scored(
        np.ones(2), np.asarray([True, True]), np.arange(2), np.zeros(299), np.zeros(299, np.int64)
    )
    assert rejection(many, 0.01).is_shown
    # A few strangers say little: no name below what the network itself asks for.
    assert rejection(given, 0.01, least=0.85).threshold == 0.85
    assert rejection(given, 0.01, least=0.85).not_named.errors == 3
    assert rejection(many, 0.01, least=0.85).threshold < 0.01


def test_a_photo_saved_again_is_told_as_a_copy_and_a_like_one_is_not() -> None:
    # By 5 degrees the cosine is 0.996, by 20 degrees 0.94.
    photos = ["p/a", "p/b", "q/c", "q/d"]
    assert near_copies(unit(0, 5, 25, 90), photos) == [("p/a", "p/b")]
    assert near_copies(unit(0, 40, 80, 120), photos) == []
