"""What the rate of single comparisons comes to in a search among many."""

import math


def fpir_of(fmr: float, gallery_size: int) -> float:
    """How often a stranger gets a name among so many faces, as if comparisons were independent."""
    return -math.expm1(gallery_size * math.log1p(-fmr)) if fmr < 1 else 1.0


def fmr_for(fpir: float, gallery_size: int) -> float:
    """The FMR with which a stranger gets a name so often: `fpir_of` the other way round."""
    return -math.expm1(math.log1p(-fpir) / gallery_size)
