"""How well a segment's candidates hold the best face, measured on probes made of its own faces."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.types import Matrix, Similarity, Vector
from index.arrays import Ids
from index.choice import SEARCH_KS, SHARES, Choice, Trial, chosen
from index.finders import Finders
from index.policy import Policy
from index.progress import OnProgress
from index.projection import comparable

CORRELATION = 0.6
"""Of a probe with the face it is made of, as of a hard photo of the same person."""
_SEED = 1042
_BLOCK = 20_000
_MIXED = 64
_STAGE = "measuring"


@dataclass(frozen=True, slots=True)
class Probes:
    """Queries (m, d) and the row that is best for each (m,)."""

    queries: Matrix
    best: Ids


def probes(vectors: Matrix, similarity: Similarity, count: int, on_progress: OnProgress) -> Probes:
    """`count` probes: faces mixed with differences as they are between faces, so that a probe
    lies where embeddings lie. The best row is found exactly."""
    random = np.random.default_rng(_SEED)
    count = min(count, vectors.shape[0])
    pool = np.sort(random.choice(vectors.shape[0], min(20_000, vectors.shape[0]), replace=False))
    sample = comparable(np.asarray(vectors[pool]), similarity)
    mean = sample.mean(axis=0)
    own = sample[random.choice(sample.shape[0], count, replace=False)] - mean
    weights = random.standard_normal((count, _MIXED)).astype(np.float32) / np.sqrt(_MIXED)
    mixed = random.integers(0, sample.shape[0], (count, _MIXED))
    other = np.stack([w @ (sample[rows] - mean) for w, rows in zip(weights, mixed, strict=True)])
    queries = mean + CORRELATION * own + np.sqrt(1 - CORRELATION**2) * other
    queries = comparable(queries.astype(np.float32), similarity)
    return Probes(queries, _best(vectors, queries, similarity, on_progress))


def measured(
    finders: Finders, found: Probes, policy: Policy, target: float, on_progress: OnProgress
) -> Choice:
    """Who reaches `target` fastest in this segment, and with what effort."""
    sketch = list(_trials(SHARES, found, _by_sketch(finders, policy), target))
    on_progress(_STAGE, 1, 2)
    # Beyond the sketch's time there is nothing to gain, but where Annoy has to do.
    enough = (
        np.inf
        if policy.only
        else min((trial.seconds for trial in sketch if trial.recall >= target), default=np.inf)
    )
    annoy: list[Trial] = []
    if finders.forest is not None:
        for trial in _trials(SEARCH_KS, found, _by_annoy(finders, policy), target):
            annoy.append(trial)
            if trial.seconds > enough:
                break
    on_progress(_STAGE, 2, 2)
    return chosen(sketch, annoy, target, policy.only)


def _trials(
    efforts: tuple[float, ...],
    found: Probes,
    find: Callable[[Vector, float], Ids],
    target: float,
) -> Iterator[Trial]:
    """From the least effort up to the first that reaches `target`."""
    for effort in efforts:
        hits, seconds = 0, []
        for query, best in zip(found.queries, found.best, strict=True):
            started = time.perf_counter()
            rows = find(query, effort)
            seconds.append(time.perf_counter() - started)
            hits += bool((rows == best).any())
        trial = Trial(effort, hits / len(found.best), float(np.median(seconds)))
        yield trial
        if trial.recall >= target:
            return


def _by_sketch(finders: Finders, policy: Policy) -> Callable[[Vector, float], Ids]:
    return lambda query, share: finders.by_sketch(query, policy.candidates, share)


def _by_annoy(finders: Finders, policy: Policy) -> Callable[[Vector, float], Ids]:
    return lambda query, search_k: finders.by_annoy(query, policy.candidates, int(search_k))


def _best(vectors: Matrix, queries: Matrix, similarity: Similarity, on_progress: OnProgress) -> Ids:
    """The row with the least distance to each query, in one pass over the vectors."""
    least = np.full(queries.shape[0], np.inf, dtype=np.float32)
    best = np.zeros(queries.shape[0], dtype=np.int64)
    for start in range(0, vectors.shape[0], _BLOCK):
        block = comparable(np.asarray(vectors[start : start + _BLOCK]), similarity)
        # |q - x|² without |q|², which is the same for all rows.
        distances = np.einsum("ij,ij->i", block, block)[:, None] - 2 * (block @ queries.T)
        nearest = distances.argmin(axis=0)
        values = distances[nearest, np.arange(queries.shape[0])]
        better = values < least
        least[better], best[better] = values[better], nearest[better] + start
        on_progress("comparing", min(start + _BLOCK, vectors.shape[0]), vectors.shape[0])
    return best
