"""Photos that are all but the same picture: saved again, reduced, or taken at the same moment."""

from collections.abc import Sequence

import numpy as np

from core.types import Matrix

NEARLY_THE_SAME = 0.98
"""Cosine from which on two photos' faces count as one picture."""


def near_copies(rows: Matrix, photos: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of `photos` whose embeddings (n, d), of unit length, are all but the same."""
    alike = np.triu(rows @ rows.T >= NEARLY_THE_SAME, 1)
    return [(photos[one], photos[other]) for one, other in np.argwhere(alike)]
