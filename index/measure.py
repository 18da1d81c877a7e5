"""How well a segment's candidates hold the best face, and how fast."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from core.types import Vector
from index.arrays import Ids
from index.choice import SEARCH_KS, SHARES, Choice, Trial, chosen
from index.finders import Finders
from index.policy import Policy
from index.probes import Probes
from index.progress import OnProgress

_STAGE = "measuring"


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
