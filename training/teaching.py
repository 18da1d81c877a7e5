"""MobileNetV2 trained on people, and measured on others."""

from dataclasses import dataclass

import numpy as np

from core.types import Matrix
from evaluation.embedding import OnProgress
from training.held_out import Measured, measure
from training.looking import Samples
from training.metric import Course, Given, MetricTerms, OnEpoch, embedded, fit
from training.mobilenet import Built, Shape, build, center, features_of, unfreeze
from training.splitting import Plan, Split, as_they_are, every_view, splits

_AT_ONCE = 64
"""Views given to the backbone together: one by one takes several times as long."""


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A network, what it did for the held-out people before and after, and how it learned."""

    built: Built
    samples: Samples
    split: Split
    before: Measured
    after: Measured
    courses: list[Course]


def teach(
    samples: Samples,
    shape: Shape,
    plan: Plan,
    terms: MetricTerms,
    *,
    layers: int = 0,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Taught:
    """Train the head on the frozen backbone, then with its last `layers` where there are any.

    `samples` are crops (n, views, side, side, 3). One part of the people is held out, one stops
    the training. Raises as `build` and `splits` do.
    """
    split = splits(samples, plan.parts, terms.seed)[0]
    built = build(shape)
    train = every_view(samples, split.train)
    features = _features(built, samples, on_progress)
    of_train = every_view(samples, split.train, features)
    center(built, of_train.inputs)
    held_out = as_they_are(samples, split.held_out)
    before = measure(embedded(built.network, held_out.inputs), held_out.people, plan.target_fmr)
    stop = as_they_are(samples, split.stop)
    of_stop = Given(features[split.stop, 0], stop.people)
    courses = [fit(built.head, of_train, of_stop, terms, _told("head", on_progress))]
    if layers:
        unfreeze(built, layers)
        courses.append(fit(built.network, train, stop, terms, _told("last layers", on_progress)))
    after = measure(embedded(built.network, held_out.inputs), held_out.people, plan.target_fmr)
    return Taught(built, samples, split, before, after, courses)


def _features(built: Built, samples: Samples, on_progress: OnProgress) -> Matrix:
    """The backbone's answers to every view, (n, views, d)."""
    found, count = [], len(samples.rows)
    photos = max(1, _AT_ONCE // samples.rows.shape[1])
    for at in range(0, count, photos):
        views = samples.rows[at : at + photos]
        answers = features_of(built, views.reshape(-1, *views.shape[2:]))
        found.append(answers.reshape(*views.shape[:2], -1))
        on_progress("features", min(at + photos, count), count)
    return np.concatenate(found)


def _told(stage: str, on_progress: OnProgress) -> OnEpoch:
    return lambda done, most: on_progress(stage, done, most)
