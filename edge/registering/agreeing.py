"""Which photos that are said to show one person do: pure."""

from collections.abc import Sequence

from edge.embedding import Vector


def agreeing(vectors: Sequence[Vector], threshold: float) -> list[bool]:
    """Which are like the one that most are like; none where that is not more than half of them."""
    alike = [[float(one @ other) >= threshold for other in vectors] for one in vectors]
    best = max(alike, key=sum, default=[])
    return best if 2 * sum(best) > len(vectors) else [False] * len(vectors)
