"""People who train, people who say when to stop, and people who are held out."""

from dataclasses import dataclass

import numpy as np

from core.errors import InvalidParameter
from core.types import Matrix
from training.folds import groups_of_people
from training.looking import Ids, Samples, Views
from training.metric import Given

LEAST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """Into how many parts people are divided, and the FMR that a threshold is asked for."""

    parts: int = 5
    target_fmr: float = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of photos by their part; nobody is in two."""

    train: Ids
    stop: Ids
    held_out: Ids


def splits(samples: Samples, parts: int, seed: int) -> list[Split]:
    """As many splits as parts, everybody held out in one of them; raises InvalidParameter.

    The next part stops the training: who is held out decides nothing.
    """
    if parts < LEAST_PARTS:
        raise InvalidParameter(f"--folds is at least {LEAST_PARTS}: to train, to stop, to measure")
    if len(samples.names) < 2 * parts:
        raise InvalidParameter(
            f"{parts} parts need at least {2 * parts} people with two usable photos each",
            {"people": len(samples.names)},
        )
    groups = groups_of_people(len(samples.names), parts, seed)[samples.people]
    return [
        Split(
            np.flatnonzero((groups != part) & (groups != (part + 1) % parts)),
            np.flatnonzero(groups == (part + 1) % parts),
            np.flatnonzero(groups == part),
        )
        for part in range(parts)
    ]


def every_view(samples: Samples, rows: Ids, values: Views | None = None) -> Given:
    """All views of these photos, one a row; of `values` (n, views, ...) where given."""
    views = (samples.rows if values is None else values)[rows]
    flat = views.reshape(-1, *views.shape[2:])
    return Given(flat, np.repeat(samples.people[rows], views.shape[1]))


def as_they_are(samples: Samples, rows: Ids) -> Given:
    """These photos without any change."""
    return Given(samples.rows[rows, 0], samples.people[rows])


def plain(given: Given) -> Matrix:
    return np.asarray(given.inputs, np.float32)
