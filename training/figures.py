"""A classifier's answers counted: for each person, and who was taken for whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.looking import Ids


@dataclass(frozen=True, slots=True)
class OfPerson:
    """None where nobody was named so, or the person has no photo."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    photos: int


def confusion(people: Ids, named: Ids, count: int) -> Ids:
    """How many photos of each person (rows) got each name (columns)."""
    found = np.zeros((count, count), np.int64)
    np.add.at(found, (people, named), 1)
    return found


def class_report(matrix: Ids, names: Sequence[str]) -> list[OfPerson]:
    """Precision, recall and F1 of each person by a confusion matrix."""
    right, photos, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        OfPerson(
            name,
            _part(right[at], said[at]),
            _part(right[at], photos[at]),
            _part(2 * right[at], photos[at] + said[at]),
            int(photos[at]),
        )
        for at, name in enumerate(names)
    ]


def mixed_up(matrix: Ids, names: Sequence[str], most: int = 10) -> list[tuple[str, str, int]]:
    """Who was taken for whom, and how often; most first."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(place), len(names)) for place in order]
    return [(names[a], names[b], int(wrong[a, b])) for a, b in places if wrong[a, b]]


def _part(count: int, whole: int) -> float | None:
    return float(count / whole) if whole else None
