"""Names for photos by a trained classifier, or none where it is not sure enough."""

from dataclasses import dataclass

from core.errors import ModelUnavailable
from core.types import Matrix
from pipeline.embedders.embedder import unit_rows
from training.baselines import similarity_to
from training.head import probabilities
from training.saved import Classifier

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Prediction:
    """`name` is None where the sign is below the threshold; `nearest` is who it would have been."""

    name: str | None
    nearest: str
    softmax: float
    similarity: float
    threshold: float


def check_space(model: Classifier, space: str) -> None:
    """Raises ModelUnavailable where embeddings of this space are none that it was trained on."""
    if model.record.space != space:
        raise ModelUnavailable(
            f"the classifier was trained on another network than {model.record.embedder} is here:"
            " train it anew"
        )


def predict(model: Classifier, rows: Matrix) -> list[Prediction]:
    """One prediction for each embedding (n, d)."""
    given, record = unit_rows(rows), model.record
    softmax = probabilities(model.head, given)
    nearest = softmax.argmax(axis=1)
    likeness = similarity_to(given, nearest, model.middles)
    sure = softmax.max(axis=1) if record.sign == "softmax" else likeness
    return [
        Prediction(
            record.people[place] if sign >= record.threshold else None,
            record.people[place],
            float(probability),
            float(similarity),
            record.threshold,
        )
        for place, sign, probability, similarity in zip(
            nearest.tolist(), sure.tolist(), softmax.max(axis=1), likeness, strict=True
        )
    ]
