"""Accuracy as LFW's protocol has it: each part with the threshold that is best for the others."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.metrics.curves import Floats

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """The mean of the parts' accuracies and the standard error of that mean."""

    mean: float
    standard_error: float
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]


def fold_accuracy(similarities: Floats, genuine: Flags, folds: Ids) -> FoldAccuracy | None:
    """Accuracy by parts; None with fewer than two parts, since no other could choose."""
    parts = np.unique(folds)
    if parts.size < 2:
        return None
    found, thresholds = [], []
    for part in parts:
        held = folds == part
        threshold = best_threshold(similarities[~held], genuine[~held])
        thresholds.append(threshold)
        found.append(float(np.mean((similarities[held] >= threshold) == genuine[held])))
    error = float(np.std(found, ddof=1) / np.sqrt(len(found)))
    return FoldAccuracy(float(np.mean(found)), error, tuple(found), tuple(thresholds))


def best_threshold(similarities: Floats, genuine: Flags) -> float:
    """The threshold with the most right answers; of several, in the middle of the lowest range."""
    order = np.argsort(similarities, kind="stable")
    values, same = similarities[order], genuine[order]
    # With a threshold before place i, everything from i on is accepted.
    refused_right = np.concatenate([[0], np.cumsum(~same)])
    accepted_right = np.concatenate([np.cumsum(same[::-1])[::-1], [0]])
    right = refused_right + accepted_right
    # No threshold lies between equal values.
    edges = np.concatenate([[True], values[1:] > values[:-1], [True]])
    place = int(np.argmax(np.where(edges, right, -1)))
    if place == 0:
        return float(values[0])
    if place == values.size:
        return float(np.nextafter(values[-1], np.inf))
    return float((values[place - 1] + values[place]) / 2)
