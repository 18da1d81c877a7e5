"""What a trained classifier has to beat: the same embeddings, compared without any training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from core.types import Matrix
from pipeline.embedders.embedder import unit_rows
from training.looking import Ids

NEIGHBORS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Whom each search (n,) finds, and how sure that is; more is surer."""

    people: Ids
    scores: Matrix


def centroids(rows: Matrix, people: Ids, count: int) -> Matrix:
    """The mean of each person's embeddings at unit length, (count, d); zeros for nobody's."""
    sums = np.zeros((count, rows.shape[1]), np.float32)
    np.add.at(sums, people, rows)
    return unit_rows(sums)


def similarity_to(rows: Matrix, named: Ids, middles: Matrix) -> Matrix:
    """The cosine of each row with the centroid of the person it is named, (n,)."""
    found: Matrix = np.einsum("ij,ij->i", rows, middles[named]).astype(np.float32)
    return found


def by_centroid(rows: Matrix, people: Ids, searched: Matrix, count: int) -> Named:
    """The person whose centroid is most similar."""
    return _best(searched @ centroids(rows, people, count).T, np.bincount(people, minlength=count))


def by_nearest(rows: Matrix, people: Ids, searched: Matrix, count: int) -> Named:
    """The person of the most similar photo, as the door decides."""
    return _best(
        _best_of_each(searched @ rows.T, people, count), np.bincount(people, minlength=count)
    )


def by_votes(rows: Matrix, people: Ids, searched: Matrix, count: int) -> Named:
    """The person with most of the five most similar photos; of equals, the more similar ones.

    The score is the sum of the winner's similarities over five.
    """
    similarities = searched @ rows.T
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :NEIGHBORS]
    votes, weights = np.zeros((2, len(searched), count), np.float32)
    at = np.arange(len(searched))[:, None]
    np.add.at(votes, (at, people[nearest]), 1)
    np.add.at(weights, (at, people[nearest]), similarities[at, nearest])
    # Similarities are at most 1: they decide between equal numbers of votes only.
    winners = np.argmax(votes + weights / (2 * NEIGHBORS), axis=1)
    return Named(winners.astype(np.int64), weights[np.arange(len(winners)), winners] / NEIGHBORS)


BASELINES: Mapping[str, Callable[[Matrix, Ids, Matrix, int], Named]] = MappingProxyType(
    {"centroid": by_centroid, "nearest photo": by_nearest, "vote of 5": by_votes}
)


def _best_of_each(similarities: Matrix, people: Ids, count: int) -> Matrix:
    found = np.full((len(similarities), count), -np.inf, np.float32)
    for person in np.unique(people):
        found[:, person] = similarities[:, people == person].max(axis=1)
    return found


def _best(scores: Matrix, photos: Ids) -> Named:
    known = np.where(photos > 0, scores, -np.inf)
    winners = np.argmax(known, axis=1).astype(np.int64)
    return Named(winners, known[np.arange(len(winners)), winners].astype(np.float32))
