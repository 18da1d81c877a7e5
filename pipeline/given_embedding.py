"""An embedding from a client: of this very space, and one that can be compared."""

from dataclasses import asdict

import numpy as np

from core.errors import ConflictError, InvalidParameter, ModelError
from core.types import EmbeddingSpec, Vector
from core.vectors import checked_vector


def shown_spec(spec: EmbeddingSpec) -> dict[str, object]:
    """The space as clients see it; `digest` is what they send along with an embedding."""
    return {"digest": spec.digest, **asdict(spec)}


def given_embedding(values: object, digest: object, spec: EmbeddingSpec) -> Vector:
    """The embedding (d,) in JSON values.

    Raises InvalidParameter for what is none, ConflictError with the right space in `details.spec`
    for one of another.
    """
    if not isinstance(digest, str):
        raise InvalidParameter("spec is the digest of the embedding's space", {"parameter": "spec"})
    if digest != spec.digest:
        raise ConflictError(
            "the embedding is of another space than this gallery's: make it anew",
            {"spec": shown_spec(spec)},
        )
    if not isinstance(values, list) or not all(_is_number(value) for value in values):
        raise _unusable("embedding is a list of numbers")
    if len(values) != spec.dimensions:
        raise _unusable(f"an embedding of this space has {spec.dimensions} numbers")
    try:
        # What is beyond measure is refused, and no warning in the log names our files.
        with np.errstate(over="ignore"):
            return checked_vector([float(value) for value in values], spec.dimensions)
    except (ModelError, OverflowError):
        raise _unusable("an embedding of next to no length, or of far too much") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unusable(message: str) -> InvalidParameter:
    return InvalidParameter(message, {"parameter": "embedding"})
