"""An embedding trained to tell people apart, stopped by people it was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import InvalidParameter
from core.types import Matrix, Similarity
from evaluation.comparisons import everybody, similarities_of
from evaluation.verification import verification
from training.keras_here import keras
from training.looking import Ids, Views
from training.losses import LossName, arcface, triplet

OnEpoch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class MetricTerms:
    """`people` and `photos` of each make a batch; `margin` in radians and `scale` are ArcFace's."""

    loss: LossName = LossName.ARCFACE
    epochs: int = 40
    patience: int = 8
    rate: float = 0.001
    people: int = 16
    photos: int = 4
    margin: float = 0.3
    scale: float = 32.0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a network takes (n, ...), and whose each is (n,)."""

    inputs: Views
    people: Ids


@dataclass(frozen=True, slots=True)
class Course:
    """By epoch, the loss, and the AUC on the people who stop it; the first AUC is before any."""

    losses: list[float]
    aucs: list[float]
    kept: int


def fit(
    network: Any,
    given: Given,
    stop_by: Given,
    terms: MetricTerms,
    on_epoch: OnEpoch = lambda _done, _most: None,
) -> Course:
    """Train `network` in place; it ends as it was after the epoch with the best AUC on `stop_by`.

    The epoch before the first counts too: a training that only harms leaves the network alone.
    Raises InvalidParameter where it ends in numbers that are none.
    """
    _, places = np.unique(given.people, return_inverse=True)
    labels = places.astype(np.int64)
    learner = _learner(network, given, labels, terms)
    rng = np.random.default_rng([terms.seed, 3])
    best, kept, losses = network.get_weights(), 0, []
    aucs = [auc_of(embedded(network, stop_by.inputs), stop_by.people)]
    for epoch in range(1, terms.epochs + 1):
        steps = [
            float(np.ravel(learner.train_on_batch(values_of(given.inputs[rows]), labels[rows]))[0])
            for rows in batches(labels, terms, rng)
        ]
        losses.append(float(np.mean(steps)))
        rows = embedded(network, stop_by.inputs)
        if not (np.isfinite(losses[-1]) and np.isfinite(rows).all()):
            raise InvalidParameter("the training left all bounds: try a lower --rate")
        aucs.append(auc_of(rows, stop_by.people))
        if aucs[-1] > aucs[kept]:
            best, kept = network.get_weights(), epoch
        on_epoch(epoch, terms.epochs)
        if epoch - kept >= terms.patience:
            break
    network.set_weights(best)
    return Course(losses, aucs, kept)


def embedded(network: Any, inputs: Views) -> Matrix:
    """The network's answers at unit length, as it is used and not as it is trained."""
    parts = [
        np.asarray(network(values_of(inputs[at : at + 64]), training=False), np.float32)
        for at in range(0, len(inputs), 64)
    ]
    rows = np.concatenate(parts)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)


def values_of(inputs: Views) -> Matrix:
    """Crops of uint8 as networks made here take them, from -1 to 1; anything else as it is."""
    if inputs.dtype != np.uint8:
        return np.asarray(inputs, np.float32)
    half = np.float32(0.5)
    return np.asarray((inputs.astype(np.float32) / 255 - half) / half, np.float32)


def auc_of(rows: Matrix, people: Ids) -> float:
    """How often two photos of one person are more alike than two people's; 0.5 where unknown."""
    found = everybody(people, most=200_000)
    judged = verification(found, similarities_of(rows, found, Similarity.COSINE), 0.0)
    return 0.5 if judged.auc is None else judged.auc


def batches(labels: Ids, terms: MetricTerms, rng: np.random.Generator) -> list[Ids]:
    """Batches of some rows each of some people, everybody once an epoch for each few rows."""
    rows_of = [np.flatnonzero(labels == person) for person in range(int(labels.max()) + 1)]
    rounds = max(1, round(len(labels) / len(rows_of) / terms.photos))
    found = []
    for _ in range(rounds):
        order = rng.permutation(len(rows_of))
        for group in np.array_split(order, max(1, round(len(order) / terms.people))):
            drawn = [rng.permutation(rows_of[person])[: terms.photos] for person in group]
            found.append(np.concatenate(drawn).astype(np.int64))
    return found


def _learner(network: Any, given: Given, labels: Ids, terms: MetricTerms) -> Any:
    """`network` with what its loss needs on top, compiled."""
    module = keras()
    module.utils.set_random_seed(terms.seed)
    if terms.loss is LossName.TRIPLET:
        learner, loss = module.Model(network.input, network.output), triplet()
    else:
        count = int(labels.max()) + 1
        cosines = module.layers.Dense(
            count, use_bias=False, kernel_constraint=module.constraints.UnitNorm(axis=0)
        )
        learner = module.Model(network.input, cosines(network.output))
        # From everybody's mean on there is less to learn, and less to spoil.
        cosines.set_weights([_means(embedded(network, given.inputs), labels, count).T])
        loss = arcface(terms.margin, terms.scale)
    learner.compile(module.optimizers.Adam(terms.rate), loss)
    return learner


def _means(rows: Matrix, labels: Ids, count: int) -> Matrix:
    sums = np.zeros((count, rows.shape[1]), np.float32)
    np.add.at(sums, labels, rows)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, 1e-12), np.float32)
