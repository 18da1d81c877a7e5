"""Who is found among everybody: counted by hand."""

import numpy as np
import pytest

from evaluation.metrics.identification import (
    Searches,
    at_fpir,
    best_by_person,
    cumulative,
    ranks,
    split,
)

FACES = np.asarray([7, 3, 7, 9])
SIMILAR = np.asarray(
    [
        [0.1, 0.5, 0.9, 0.2],  # for 7: first
        [0.6, 0.4, 0.1, 0.2],  # for 3: behind 7
        [0.3, 0.3, 0.1, 0.3],  # for 9: equal to everybody
    ]
)
WANTED = np.asarray([7, 3, 9])


def searched(strangers: list[float] | np.ndarray) -> tuple[Searches, np.ndarray]:
    best, ids = best_by_person(SIMILAR, FACES)
    own, other = split(best, ids, WANTED)
    return Searches(own, other, np.asarray(strangers, np.float64)), best


def test_a_person_is_as_similar_as_their_best_face() -> None:
    best, ids = best_by_person(SIMILAR, FACES)
    assert ids.tolist() == [3, 7, 9]
    assert best.tolist() == [[0.5, 0.9, 0.2], [0.4, 0.6, 0.2], [0.3, 0.3, 0.3]]


def test_ranks_and_ties() -> None:
    found, best = searched([])
    assert ranks(found.own, best).tolist() == [1, 2, 3]
    assert [rate.errors for rate in cumulative(ranks(found.own, best), 4)] == [2, 1, 0, 0]


def test_found_first_and_similar_enough() -> None:
    found, _ = searched([])
    assert found.false_negatives(0.9).errors == 2
    assert found.false_negatives(0.91).errors == 3
    assert found.false_negatives(-1).errors == 2  # a tie is no finding


def test_with_one_person_there_is_no_other() -> None:
    best, ids = best_by_person(np.asarray([[0.5]]), np.asarray([4]))
    own, other = split(best, ids, np.asarray([4]))
    found = Searches(own, other, np.empty(0))
    assert (own.tolist(), other.tolist()) == ([0.5], [-np.inf])
    assert found.false_negatives(0.5).errors == 0


def test_a_threshold_for_a_share_of_strangers() -> None:
    found, _ = searched(np.linspace(0, 0.8, 40))
    chosen = at_fpir(found, 0.1)
    assert chosen is not None
    assert (chosen.fpir.errors, chosen.fpir.trials) == (4, 40)
    assert chosen.threshold == pytest.approx(np.linspace(0, 0.8, 40)[-5])
    assert (chosen.fnir.errors, chosen.fnir.trials) == (2, 3)


def test_strangers_who_look_the_same_are_refused_together() -> None:
    found, _ = searched(np.full(40, 0.4))
    chosen = at_fpir(found, 0.1)
    assert chosen is not None
    assert chosen.fpir.errors == 0
    assert chosen.threshold > 0.4


def test_too_few_strangers_say_nothing() -> None:
    found, _ = searched(np.linspace(0, 0.8, 28))
    assert at_fpir(found, 0.1) is None
    nobody = Searches(np.empty(0), np.empty(0), np.zeros(100))
    assert at_fpir(nobody, 0.1) is None
