"""Closed-set classification by parts: the head beside what needs no training, and strangers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from core.types import Matrix
from evaluation.embedding import OnProgress
from evaluation.metrics.intervals import Rate
from training.baselines import BASELINES, Named, centroids, similarity_to
from training.folds import groups_of_people, stopping, stratified
from training.head import HeadTerms, Labelled, Trained, probabilities, train_head
from training.looking import Ids, Samples
from training.rejecting import Rejection, Scored, rejection

HEAD = "head"
SIGNS = ("softmax", "centroid")
"""What a name can be refused by: the head's own probability, or the cosine to the centroid."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`strangers` is the part of strangers that may get a name; `sign` is one of SIGNS.

    `least_cosine` is what a name takes where there are too few strangers to show that part.
    """

    folds: int = 5
    strangers: float = 0.01
    sign: str = "centroid"
    least_cosine: float = -1.0
    head: HeadTerms = field(default_factory=HeadTerms)


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One part held out: its rows, what the head said of them, and of strangers."""

    held_out: Ids
    trained: Trained
    named: Mapping[str, Named]
    signs: Mapping[str, Matrix]
    stranger_signs: Mapping[str, Matrix]
    loss: float

    def accuracy(self, people: Ids, method: str = HEAD) -> float:
        return float(np.mean(self.named[method].people == people[self.held_out]))


@dataclass(frozen=True, slots=True, eq=False)
class Classified:
    """All parts; `named` is whom the held-out photo (n,) was taken for, by each method."""

    samples: Samples
    terms: Terms
    folds: list[Fold]
    named: Mapping[str, Ids]
    rejections: Mapping[str, Rejection]
    scored: Mapping[str, Scored]
    best: int

    def errors(self, method: str) -> Rate:
        """Held-out photos with another person's name, as nothing is refused."""
        wrong = int(np.sum(self.named[method] != self.samples.people))
        return Rate(wrong, len(self.samples.people))


def classify(
    samples: Samples,
    terms: Terms,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Classified:
    """Train and judge on every part; raises InvalidParameter for parts that cannot be made."""
    parts = stratified(samples.people, terms.folds, terms.head.seed)
    strange = min(terms.folds, len(samples.names))
    groups = groups_of_people(len(samples.names), strange, terms.head.seed)
    folds = []
    for part in range(terms.folds):
        strangers = np.flatnonzero(groups == part % strange)
        folds.append(_fold(samples, parts, part, strangers, terms))
        on_progress("parts", part + 1, terms.folds)
    scored = {sign: _scored(samples, folds, sign) for sign in SIGNS}
    return Classified(
        samples,
        terms,
        folds,
        {name: _everybody(samples, folds, name) for name in (HEAD, *BASELINES)},
        {sign: _rejection(scored[sign], sign, terms) for sign in SIGNS},
        scored,
        _best(samples, folds),
    )


def _fold(samples: Samples, parts: Ids, part: int, strangers: Ids, terms: Terms) -> Fold:
    held_out, rest = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
    count, plain = len(samples.names), _plain(samples)
    stop = stopping(samples.people, rest, terms.head.seed + part)
    given = np.setdiff1d(rest, stop)
    seen = replace(terms.head, seed=terms.head.seed + part)
    watched = Labelled(plain[held_out], samples.people[held_out])
    stop_by = Labelled(plain[stop], samples.people[stop]) if len(stop) else None
    trained = train_head(_views(samples, given), count, seen, stop_by=stop_by, watched=watched)
    softmax = probabilities(trained.model, plain[held_out])
    named = Named(softmax.argmax(axis=1).astype(np.int64), softmax.max(axis=1))
    middles = centroids(plain[rest], samples.people[rest], count)
    baselines = {
        name: method(plain[rest], samples.people[rest], plain[held_out], count)
        for name, method in BASELINES.items()
    }
    return Fold(
        held_out,
        trained,
        {HEAD: named, **baselines},
        {
            "softmax": named.scores,
            "centroid": similarity_to(plain[held_out], named.people, middles),
        },
        _strangers(samples, rest, strangers, replace(seen, epochs=trained.epochs)),
        trained.curves["held_out_loss"][trained.epochs - 1],
    )


def _strangers(samples: Samples, rest: Ids, strangers: Ids, terms: HeadTerms) -> dict[str, Matrix]:
    """How sure a head is of photos of people it was trained without, as long as the fold's own."""
    is_strange = np.isin(samples.people, strangers)
    known = rest[~is_strange[rest]]
    names, people = np.unique(samples.people[known], return_inverse=True)
    plain = _plain(samples)
    if len(names) < 2:
        return {sign: np.empty(0, np.float32) for sign in SIGNS}
    views = replace(samples, people=_places(samples.people, names))
    terms = replace(terms, patience=terms.epochs)
    model = train_head(_views(views, known), len(names), terms).model
    softmax = probabilities(model, plain[is_strange])
    middles = centroids(plain[known], people.astype(np.int64), len(names))
    likeness = similarity_to(plain[is_strange], softmax.argmax(axis=1), middles)
    return {"softmax": softmax.max(axis=1), "centroid": likeness}


def _places(people: Ids, names: Ids) -> Ids:
    """People by their place among `names`; meaningless for the others."""
    return np.searchsorted(names, people).astype(np.int64)


def _plain(samples: Samples) -> Matrix:
    """The photos as they are, (n, d)."""
    return np.asarray(samples.rows[:, 0], np.float32)


def _views(samples: Samples, rows: Ids) -> Labelled:
    """Every view of these photos."""
    views = samples.rows[rows]
    flat = np.asarray(views.reshape(-1, views.shape[-1]), np.float32)
    return Labelled(flat, np.repeat(samples.people[rows], views.shape[1]))


def _everybody(samples: Samples, folds: list[Fold], method: str) -> Ids:
    found = np.empty(len(samples.people), np.int64)
    for fold in folds:
        found[fold.held_out] = fold.named[method].people
    return found


def _scored(samples: Samples, folds: list[Fold], sign: str) -> Scored:
    numbers = range(len(folds))
    strangers = [fold.stranger_signs[sign] for fold in folds]
    is_right = [fold.named[HEAD].people == samples.people[fold.held_out] for fold in folds]
    return Scored(
        np.concatenate([fold.signs[sign] for fold in folds]).astype(np.float64),
        np.concatenate(is_right),
        np.repeat(numbers, [len(fold.held_out) for fold in folds]).astype(np.int64),
        np.concatenate(strangers).astype(np.float64),
        np.repeat(numbers, [len(one) for one in strangers]).astype(np.int64),
    )


def _rejection(scored: Scored, sign: str, terms: Terms) -> Rejection:
    least = terms.least_cosine if sign == "centroid" else -1.0
    return rejection(scored, terms.strangers, least)


def _best(samples: Samples, folds: list[Fold]) -> int:
    """The part with most right answers; of equals, the one with the least loss."""
    judged = [(-fold.accuracy(samples.people), fold.loss) for fold in folds]
    return judged.index(min(judged))
