"""Which photos are compared with which: labelled pairs, or everybody with everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.types import Matrix, Similarity
from evaluation.datasets.dataset import Pair
from evaluation.metrics.curves import Floats, Scores

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
MOST_COMPARISONS = 2_000_000
"""Of each kind; of more, so many are drawn by lot."""
_AT_ONCE = 8192
_LARGE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Row `first` with row `second`; `folds` where a protocol has parts.

    `left_out` labelled pairs have a photo that cannot be used. With `sampled` these were drawn.
    """

    first: Ids
    second: Ids
    genuine: Flags
    folds: Ids
    left_out: int = 0
    sampled: bool = False


def labelled(pairs: Sequence[Pair], rows: Mapping[str, int]) -> Comparisons:
    """The labelled pairs whose photos both have a row."""
    usable = [pair for pair in pairs if pair.first in rows and pair.second in rows]
    return Comparisons(
        _ids([rows[pair.first] for pair in usable]),
        _ids([rows[pair.second] for pair in usable]),
        np.asarray([pair.genuine for pair in usable], dtype=np.bool_),
        _ids([pair.fold for pair in usable]),
        left_out=len(pairs) - len(usable),
    )


def everybody(people: Ids, most: int = MOST_COMPARISONS, seed: int = 0) -> Comparisons:
    """Each two rows, `people` (n,) says whose; of more than `most` of a kind so many, by lot."""
    count = len(people)
    if count * (count - 1) // 2 <= most:
        first, second = (side.astype(np.int64) for side in np.triu_indices(count, 1))
        return _between(people, first, second, sampled=False)
    rng = np.random.default_rng(seed)
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], people[order])
    # Person by person, each row's partners are the earlier ones: of its own person, or of others.
    own = np.arange(count) - starts
    of_one = _drawn(starts, own, most, rng)
    of_two = _drawn(np.zeros_like(starts), starts, most, rng)
    first, second = order[np.concatenate([of_one, of_two])].T
    sampled = max(int(np.sum(own)), int(np.sum(starts))) > most
    return _between(people, first, second, sampled)


def similarities_of(rows: Matrix, found: Comparisons, similarity: Similarity) -> Floats:
    """The similarity of each comparison as Kenal's answers have it, in [-1, 1]."""
    parts = [
        _similarities(rows[found.first[part]], rows[found.second[part]], similarity)
        for part in _slices(len(found.first))
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def scores_of(similarities: Floats, found: Comparisons) -> Scores:
    """The similarities by kind."""
    return Scores(similarities[found.genuine], similarities[~found.genuine])


def _similarities(one: Matrix, other: Matrix, similarity: Similarity) -> Floats:
    if similarity is Similarity.COSINE:
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        found = np.einsum("ij,ij->i", one, other) / lengths
    else:
        difference = one - other
        found = 1.0 - np.einsum("ij,ij->i", difference, difference) / 2.0
    clipped: Floats = np.clip(found, -1.0, 1.0).astype(np.float64)
    return clipped


def _drawn(begins: Ids, counts: Ids, most: int, rng: np.random.Generator) -> Ids:
    """At most `most` different pairs (k, 2): row n's partners are `counts[n]` from `begins[n]` on.

    Pairs are numbered, not listed: of one person's 10,000 photos there are 50 million.
    """
    ends = np.cumsum(counts)
    numbers = _lot(int(ends[-1]), most, rng)
    later = np.searchsorted(ends, numbers, side="right")
    earlier = begins[later] + numbers - (ends - counts)[later]
    return np.stack([earlier, later], axis=1)


def _lot(total: int, most: int, rng: np.random.Generator) -> Ids:
    """All numbers below `total`, or `most` different ones of them."""
    if total <= most:
        return np.arange(total, dtype=np.int64)
    if total <= _LARGE * most:
        return rng.permutation(total)[:most]
    # Of so many, these hold more than enough that differ.
    drawn = np.unique(rng.integers(0, total, size=2 * most, dtype=np.int64))
    return rng.permutation(drawn)[:most]


def _between(people: Ids, first: Ids, second: Ids, sampled: bool) -> Comparisons:
    genuine = people[first] == people[second]
    return Comparisons(first, second, genuine, np.zeros_like(first), sampled=sampled)


def _slices(count: int) -> list[slice]:
    return [slice(at, at + _AT_ONCE) for at in range(0, count, _AT_ONCE)]


def _ids(values: Sequence[int]) -> Ids:
    return np.asarray(values, dtype=np.int64)
