"""A linear projection over a frozen network's embeddings, judged by people it never saw."""

from dataclasses import dataclass
from typing import Any

from core.types import Matrix
from evaluation.embedding import OnProgress
from training.held_out import Measured, measure
from training.keras_here import keras
from training.looking import Samples
from training.metric import Course, MetricTerms, embedded, fit
from training.splitting import Plan, Split, as_they_are, every_view, plain, splits


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of the people held out: what the network did for them before and after."""

    split: Split
    before: Measured
    after: Measured
    course: Course


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """All parts. `network` is the first part's, chosen before anything was measured."""

    samples: Samples
    parts: list[Part]
    network: Any

    @property
    def matrix(self) -> Matrix:
        """(d, dimensions): embeddings times this, at unit length."""
        found: Matrix = self.network.get_weights()[0]
        return found


def project(
    samples: Samples,
    dimensions: int,
    plan: Plan,
    terms: MetricTerms,
    *,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Projected:
    """Train on all but two parts, stop by one, measure on the other, in turns.

    Raises InvalidParameter for too few people.
    """
    found: list[Part] = []
    first = None
    for split in splits(samples, plan.parts, terms.seed):
        network = projection(samples.rows.shape[-1], dimensions, terms.seed)
        train, stop = every_view(samples, split.train), as_they_are(samples, split.stop)
        course = fit(network, train, stop, terms)
        held_out = as_they_are(samples, split.held_out)
        before = measure(plain(held_out), held_out.people, plan.target_fmr)
        after = measure(embedded(network, held_out.inputs), held_out.people, plan.target_fmr)
        found.append(Part(split, before, after, course))
        first = network if first is None else first
        on_progress("parts", len(found), plan.parts)
    return Projected(samples, found, first)


def projection(given: int, dimensions: int, seed: int) -> Any:
    """Keras: embedding in, unit vector out; the identity where both are of one length."""
    module = keras()
    module.utils.set_random_seed(seed)
    start = "identity" if given == dimensions else "orthogonal"
    values = module.Input((given,))
    layer = module.layers.Dense(dimensions, use_bias=False, kernel_initializer=start)
    return module.Model(values, module.layers.UnitNormalization()(layer(values)))
