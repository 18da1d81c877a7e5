"""MobileNetV2 with an embedding of unit length on top, for devices."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InvalidParameter, NotReady
from core.types import Matrix
from training.keras_here import keras, quiet
from training.looking import Views
from training.metric import values_of

ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
RANDOM, IMAGENET = "random", "imagenet"
_EPSILON = 1e-30
"""Far below what a random network's features vary by, which is about 1e-11."""
_LEAST_VARIANCE = 1e-4
"""Of a feature, as a part of the mean one: what hardly varies must not be blown up."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`alpha` is MobileNetV2's width; `weights` are random, imagenet, or a file of Keras."""

    alpha: float = 0.35
    side_px: int = 112
    dimensions: int = 128
    weights: str = RANDOM
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """`network` is `head` after `backbone`: (n, side, side, 3) from -1 to 1, to unit vectors."""

    backbone: Any
    head: Any
    network: Any


def build(shape: Shape) -> Built:
    """Raises NotReady where weights cannot be had, InvalidParameter for wrong ones."""
    module = keras()
    module.utils.set_random_seed(shape.seed)
    backbone = _backbone(module, shape)
    features = module.Input((backbone.output_shape[-1],))
    normal = module.layers.BatchNormalization(
        center=False, scale=False, epsilon=_EPSILON, name="features_normal"
    )
    normal.trainable = False
    dense = module.layers.Dense(shape.dimensions, use_bias=False, name="embedding")
    vector = module.layers.UnitNormalization(name="unit")(dense(normal(features)))
    head = module.Model(features, vector, name="head")
    return Built(backbone, head, module.Model(backbone.input, head(backbone.output)))


def center(built: Built, features: Views) -> None:
    """Set the head's normalization by the training's own features (n, d)."""
    values = np.asarray(features, np.float32)
    # A random network's features are so small that float32 has no number for their squares' sums.
    variance = values.astype(np.float64).var(axis=0)
    floor = max(_LEAST_VARIANCE * float(variance.mean()), float(np.finfo(np.float32).tiny))
    kept = [values.mean(axis=0), np.maximum(variance, floor).astype(np.float32)]
    built.head.get_layer("features_normal").set_weights(kept)


def features_of(built: Built, crops: Views) -> Matrix:
    """What the backbone says of crops (n, side, side, 3): (n, d)."""
    parts = [
        np.asarray(built.backbone(values_of(crops[at : at + 64]), training=False), np.float32)
        for at in range(0, len(crops), 64)
    ]
    return np.concatenate(parts)


def unfreeze(built: Built, layers: int) -> None:
    """Let the last layers of the backbone learn too; normalization stays as it is."""
    for layer in built.backbone.layers:
        layer.trainable = False
    for layer in built.backbone.layers[-layers:] if layers else []:
        layer.trainable = not hasattr(layer, "moving_mean")


def _backbone(module: Any, shape: Shape) -> Any:
    if shape.alpha not in ALPHAS:
        raise InvalidParameter(f"--alpha is one of {', '.join(map(str, ALPHAS))}")
    try:
        with quiet(), warnings.catch_warnings():
            # Keras says that ImageNet's weights were made for 224 px, and where its file lies.
            warnings.simplefilter("ignore")
            network = module.applications.MobileNetV2(
                input_shape=(shape.side_px, shape.side_px, 3),
                alpha=shape.alpha,
                include_top=False,
                weights=IMAGENET if shape.weights == IMAGENET else None,
                pooling="avg",
            )
    except Exception as error:
        raise NotReady(
            "ImageNet's weights of MobileNetV2 cannot be had: Keras downloads them from"
            " storage.googleapis.com; bring a file with --weights FILE, or try --weights random"
        ) from error
    if shape.weights not in (RANDOM, IMAGENET):
        _load(network, Path(shape.weights))
    return network


def _load(network: Any, weights: Path) -> None:
    try:
        with quiet():
            network.load_weights(weights)
    except Exception as error:
        raise InvalidParameter(
            "the file of --weights cannot be read, or its weights are not of a MobileNetV2 of this"
            " --alpha without its top (Keras's .weights.h5 or .keras)"
        ) from error
