"""Who is held out when: photos of known people in parts, and people who stay strangers."""

import numpy as np

from core.errors import InvalidParameter
from training.looking import Ids


def stratified(people: Ids, parts: int, seed: int) -> Ids:
    """The part (n,) of each photo: every person's photos spread as evenly as can be.

    Raises InvalidParameter for fewer than two parts, or more than the person with most photos has.
    """
    most = int(np.bincount(people).max())
    if not 2 <= parts <= most:
        raise InvalidParameter(f"--folds is between 2 and {most}, the most photos of one person")
    rng = np.random.default_rng(seed)
    found = np.empty(len(people), np.int64)
    next_part = 0
    for person in np.unique(people):
        rows = rng.permutation(np.flatnonzero(people == person))
        # Going on where the last person ended keeps the parts of one size.
        found[rows] = (next_part + np.arange(len(rows))) % parts
        next_part = (next_part + len(rows)) % parts
    return found


def groups_of_people(count: int, parts: int, seed: int) -> Ids:
    """The part (count,) of each person, sizes as even as can be; raises InvalidParameter."""
    if not 2 <= parts <= count:
        raise InvalidParameter(f"--folds is between 2 and {count}, the number of people")
    order = np.random.default_rng([seed, 1]).permutation(count)
    found = np.empty(count, np.int64)
    found[order] = np.arange(count) % parts
    return found


def stopping(people: Ids, rows: Ids, seed: int, least: int = 3) -> Ids:
    """Of the training photos `rows`, one of each person with `least`, to stop the training by.

    The held-out part must not say when to stop: it would no longer be held out.
    """
    rng = np.random.default_rng([seed, 2])
    chosen = [
        rng.choice(own)
        for person in np.unique(people[rows])
        if len(own := rows[people[rows] == person]) >= least
    ]
    return np.asarray(chosen, np.int64)
