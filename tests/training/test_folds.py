"""Who is held out when: everybody once, and nobody on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidParameter
from tests.training.kit import made_up
from training.folds import groups_of_people, stopping, stratified
from training.splitting import every_view, splits


@given(
    counts=st.lists(st.integers(2, 9), min_size=2, max_size=12),
    parts=st.integers(2, 5),
    seed=st.integers(0, 5),
)
def test_photos_are_spread_evenly(counts: list[int], parts: int, seed: int) -> None:
    people = np.repeat(np.arange(len(counts)), counts)
    if parts > max(counts):
        with pytest.raises(InvalidParameter, match="folds is between 2"):
            stratified(people, parts, seed)
        return
    found = stratified(people, parts, seed)
    sizes = np.bincount(found, minlength=parts)
    assert sizes.max() - sizes.min() <= 1
    for person in range(len(counts)):
        of_person = np.bincount(found[people == person], minlength=parts)
        assert of_person.max() - of_person.min() <= 1
    np.testing.assert_array_equal(found, stratified(people, parts, seed))


@given(count=st.integers(2, 40), parts=st.integers(2, 6), seed=st.integers(0, 5))
def test_people_are_spread_evenly(count: int, parts: int, seed: int) -> None:
    if parts > count:
        with pytest.raises(InvalidParameter):
            groups_of_people(count, parts, seed)
        return
    sizes = np.bincount(groups_of_people(count, parts, seed), minlength=parts)
    assert sizes.max() - sizes.min() <= 1


def test_who_stops_the_training_still_trains() -> None:
    people = np.asarray([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    rows = np.asarray([0, 1, 2, 4, 5, 7, 8, 9])  # the others are held out
    found = stopping(people, rows, seed=0)
    assert set(found) <= set(rows)
    # Person 1 has only two photos left: both are needed to train.
    assert sorted(people[found]) == [0, 2]


def test_nobody_is_on_two_sides() -> None:
    samples = made_up(11, 3)
    held_out = []
    for split in splits(samples, 5, seed=0):
        sides = [set(samples.people[rows]) for rows in (split.train, split.stop, split.held_out)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 11
        held_out += split.held_out.tolist()
    assert sorted(held_out) == list(range(33))


def test_too_few_people_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="5 parts need at least 10 people"):
        splits(made_up(9, 3), 5, seed=0)
    with pytest.raises(InvalidParameter, match="at least 3"):
        splits(made_up(9, 3), 2, seed=0)


def test_every_view_keeps_its_person() -> None:
    samples = made_up(3, 2, views=4)
    found = every_view(samples, np.asarray([1, 4]))
    assert found.people.tolist() == [0, 0, 0, 0, 2, 2, 2, 2]
    np.testing.assert_array_equal(found.inputs[4:], samples.rows[4])
