"""A small Keras classifier over the embeddings of a frozen network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.types import Matrix
from training.baselines import centroids
from training.keras_here import keras
from training.looking import Ids

_SHARPNESS = 16.0
"""A cosine times this is the first logit."""
_LEAST_BATCH = 16
_LEAST_GAIN = 0.001
"""Of the loss, for an epoch to count as better."""
OnEpoch = Callable[[int, int], None]
"""Called with how many epochs are done, and how many there are at most."""


@dataclass(frozen=True, slots=True)
class HeadTerms:
    """`hidden` units between embedding and softmax, 0 for none; `patience` in epochs."""

    epochs: int = 100
    patience: int = 10
    batch: int = 128
    rate: float = 0.004
    smoothing: float = 0.1
    dropout: float = 0.2
    hidden: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Embeddings (n, d) and whose they are (n,), as places among the classes."""

    rows: Matrix
    people: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A head and how it learned; `curves` by epoch. `epochs` are those that the head keeps."""

    model: Any
    curves: dict[str, list[float]]
    epochs: int


def train_head(
    given: Labelled,
    classes: int,
    terms: HeadTerms,
    *,
    stop_by: Labelled | None = None,
    watched: Labelled | None = None,
    on_epoch: OnEpoch = lambda _done, _most: None,
) -> Trained:
    """A head trained on `given` until `stop_by` gets no better, its best epoch kept.

    Without `stop_by`, until the training's own loss falls no more. `watched` is only drawn: it
    decides nothing.
    """
    module = keras()
    module.utils.set_random_seed(terms.seed)
    model = _head(module, given.rows.shape[1], classes, terms)
    if not terms.hidden:
        _start_at_centroids(model, given, classes)
    curves: dict[str, list[float]] = {}
    by = "loss" if stop_by is None else "val_loss"
    stop = module.callbacks.EarlyStopping(
        by, min_delta=_LEAST_GAIN, patience=terms.patience, restore_best_weights=True
    )

    def ended(epoch: int, logs: dict[str, float]) -> None:
        for name, part in (("val", stop_by), ("held_out", watched)):
            if part is not None:
                loss, accuracy = _judged(model, part, terms.smoothing)
                logs |= {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
        for name, value in logs.items():
            curves.setdefault(name, []).append(float(value))
        on_epoch(epoch + 1, terms.epochs)

    model.fit(
        given.rows,
        _one_hot(given.people, classes),
        # A small set gives enough steps an epoch too.
        batch_size=min(terms.batch, max(_LEAST_BATCH, len(given.rows) // _LEAST_BATCH)),
        epochs=terms.epochs,
        # The first sees to what the second stops by; Keras's own validation takes far longer.
        callbacks=[module.callbacks.LambdaCallback(on_epoch_end=ended), stop],
        verbose=0,
    )
    return Trained(model, curves, int(stop.best_epoch) + 1)


def probabilities(model: Any, rows: Matrix) -> Matrix:
    """The softmax of each row, (n, classes)."""
    if not len(rows):
        return np.empty((0, model.output_shape[-1]), np.float32)
    return np.asarray(model(rows, training=False), np.float32)


def _judged(model: Any, given: Labelled, smoothing: float) -> tuple[float, float]:
    """The loss as the training has it, and the accuracy."""
    softmax = probabilities(model, given.rows)
    wanted = _one_hot(given.people, softmax.shape[1])
    smooth = wanted * (1 - smoothing) + smoothing / softmax.shape[1]
    loss = -np.sum(smooth * np.log(np.maximum(softmax, 1e-7)), axis=1).mean()
    return float(loss), float(np.mean(softmax.argmax(axis=1) == given.people))


def _head(module: Any, dimensions: int, classes: int, terms: HeadTerms) -> Any:
    layers = module.layers
    # Rows are of unit length: so scaled, each number is of about unit size.
    parts = [module.Input((dimensions,)), layers.Rescaling(float(np.sqrt(dimensions)))]
    if terms.hidden:
        parts += [layers.Dense(terms.hidden, activation="relu")]
    parts += [layers.Dropout(terms.dropout, seed=terms.seed)]
    parts += [layers.Dense(classes, activation="softmax")]
    model = module.Sequential(parts)
    model.compile(
        module.optimizers.AdamW(terms.rate, weight_decay=0.004),
        module.losses.CategoricalCrossentropy(label_smoothing=terms.smoothing),
        metrics=["accuracy"],
    )
    return model


def _start_at_centroids(model: Any, given: Labelled, classes: int) -> None:
    """Begin with what needs no training, and learn what is better."""
    middles = centroids(given.rows, given.people, classes)
    kernel = middles.T * (_SHARPNESS / np.sqrt(given.rows.shape[1]))
    model.layers[-1].set_weights([kernel, np.zeros(classes, np.float32)])


def _one_hot(people: Ids, classes: int) -> Matrix:
    return np.eye(classes, dtype=np.float32)[people]
