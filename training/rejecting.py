"""When a name is not said: a threshold from people whom the classifier was never shown."""

from dataclasses import dataclass

import numpy as np

from evaluation.metrics.curves import Floats
from evaluation.metrics.intervals import Rate, least_trials
from training.looking import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Of held-out photos of known people: how sure the name was, and whether it was right.

    Of strangers: how sure some name was. `folds` say in which part each was held out.
    """

    known: Floats
    is_right: np.ndarray
    known_folds: Ids
    strangers: Floats
    stranger_folds: Ids


@dataclass(frozen=True, slots=True)
class Rejection:
    """A threshold for `target`, the part of strangers that may get a name.

    The counts are of parts judged by a threshold from the other parts. `is_shown` is whether there
    are enough strangers to say that the target is met.
    """

    target: float
    threshold: float
    is_shown: bool
    strangers_named: Rate
    wrong_names: Rate
    not_named: Rate


def rejection(given: Scored, target: float, least: float = -1.0) -> Rejection:
    """A threshold from all parts' strangers, and what such thresholds do where not chosen.

    Too few strangers to show the target give none below `least`.
    """
    named = wrong = missed = 0
    is_shown = given.strangers.size >= least_trials(target)
    floor = -1.0 if is_shown else least
    for fold in np.unique(given.known_folds):
        others = given.strangers[given.stranger_folds != fold]
        threshold = max(threshold_of(others, target), floor)
        here = given.known_folds == fold
        said = given.known[here] >= threshold
        wrong += int(np.sum(said & ~given.is_right[here]))
        missed += int(np.sum(~said))
        named += int(np.sum(given.strangers[given.stranger_folds == fold] >= threshold))
    return Rejection(
        target=target,
        threshold=max(threshold_of(given.strangers, target), floor),
        is_shown=is_shown,
        strangers_named=Rate(named, given.strangers.size),
        wrong_names=Rate(wrong, given.known.size),
        not_named=Rate(missed, given.known.size),
    )


def threshold_of(strangers: Floats, target: float) -> float:
    """The lowest threshold that names at most `target` of these strangers, just above one's."""
    if not strangers.size:
        return 1.0
    descending = np.sort(strangers)[::-1]
    allowed = min(int(np.floor(target * descending.size + 1e-9)), descending.size - 1)
    return float(np.nextafter(descending[allowed], np.inf))
