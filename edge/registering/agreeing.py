"""Which pictures that are said to show one person do: pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.embedding import Vector

Alike = npt.NDArray[np.bool_]
"""(n, n): which pictures are alike. Who is not even like itself is what a broken network gave."""


def alike(vectors: Sequence[Vector], threshold: float) -> Alike:
    """Who is like whom."""
    if not vectors:
        return np.zeros((0, 0), np.bool_)
    matrix = np.asarray(vectors, np.float64)
    return np.asarray(matrix @ matrix.T >= threshold, np.bool_)


def agreeing(vectors: Sequence[Vector], threshold: float) -> list[bool]:
    """Which are like the one that most are like; none where that is not more than half of them."""
    rows = [list(map(bool, row)) for row in alike(vectors, threshold)]
    best = max(rows, key=sum, default=[])
    return best if 2 * sum(best) > len(vectors) else [False] * len(vectors)


def group(pairs: Alike, most: int) -> list[int]:
    """Up to `most` pictures of which each is like each: the largest that is found from any one."""
    order = [int(number) for number in np.argsort(-pairs.sum(axis=1), kind="stable")]
    best: list[int] = []
    for start in order:
        found = [start] if pairs[start, start] else []
        for other in order:
            if found and other not in found and pairs[other, other]:
                found += [other] if pairs[other, found].all() else []
        if len(found) > len(best):
            best = found
    return sorted(best[:most])


def strangers(pairs: Alike, chosen: Sequence[int]) -> int:
    """How many of the others are like none of the chosen."""
    others = [number for number in range(len(pairs)) if number not in set(chosen)]
    return sum(not pairs[number, list(chosen)].any() for number in others)
