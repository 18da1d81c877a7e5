"""Losses that pull one person's embeddings together and push people apart; rows of unit length."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from training.keras_here import keras

Loss = Callable[[Any, Any], Any]


class LossName(StrEnum):
    ARCFACE = "arcface"
    TRIPLET = "triplet"


def arcface(margin: float, scale: float) -> Loss:
    """Softmax over cosines (n, people) after adding `margin` radians to the right one's angle.

    J. Deng et al., ArcFace, 2019, equation 3; labels are places (n,). Beyond an angle of
    pi - margin, where the cosine would rise again, its tangent's end goes on (CosFace's form).
    """
    ops = keras().ops

    def loss(people: Any, cosines: Any) -> Any:
        one_hot = ops.one_hot(ops.cast(ops.reshape(people, (-1,)), "int32"), cosines.shape[-1])
        # Where the angle is 0 or pi its derivative is endless.
        safe = ops.clip(cosines, -1 + 1e-6, 1 - 1e-6)
        angle = ops.arccos(safe)
        moved = ops.cos(angle + margin)
        past = safe - margin * ops.sin(margin)
        harder = ops.where(angle + margin < 3.14159265, moved, past)
        logits = scale * ops.where(one_hot > 0, harder, safe)
        return keras().losses.categorical_crossentropy(one_hot, logits, from_logits=True)

    return loss


def triplet(scale: float = 10.0) -> Loss:
    """For each row of a batch its least alike of the same person, and most alike of another.

    A. Hermans et al., In defense of the triplet loss, 2017: batch hard, softplus for a margin, on
    squared distances.
    """
    ops = keras().ops

    def loss(people: Any, rows: Any) -> Any:
        labels = ops.reshape(people, (-1, 1))
        same = ops.cast(ops.equal(labels, ops.transpose(labels)), rows.dtype)
        squared = 2 - 2 * ops.matmul(rows, ops.transpose(rows))
        furthest = ops.max(squared * same, axis=1)
        # Those of the same person are put beyond any distance there is.
        closest = ops.min(squared + 5 * same, axis=1)
        return ops.softplus(scale * (furthest - closest))

    return loss
