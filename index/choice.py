"""Who finds candidates in a segment, and with how much effort: measured, not guessed."""

from dataclasses import dataclass
from enum import StrEnum


class Proposer(StrEnum):
    """Who finds candidates: nobody (all are compared), the bit sketch, or Annoy's trees."""

    EXACT = "exact"
    SKETCH = "sketch"
    ANNOY = "annoy"


@dataclass(frozen=True, slots=True)
class Choice:
    """`search_k`: what Annoy inspects; `share`: what the sketch's second pass compares.

    `recall` is the share of probes whose best face was among the candidates. `share` holds for
    the sketch also where Annoy is chosen: it serves until the trees are checked.
    """

    proposer: Proposer
    search_k: int
    share: float
    recall: float


EXACT = Choice(Proposer.EXACT, 0, 1.0, 1.0)
SEARCH_KS = (1000, 2000, 4000, 8000, 16_000, 32_000)
SHARES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.03, 0.1)

FLOOR = 0.9
"""Of the target: what finds less is not worth its speed."""
ANNOY_SAFETY, SKETCH_SAFETY = 3, 2
"""Times the least effort that reached the target: a few hundred probes cannot tell 0.999 from
0.99, and photos at a door are harder than enrolled ones. Annoy's recall grows slowly with effort,
the sketch's fast."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one effort achieved: recall in [0, 1] and the median seconds of a probe."""

    effort: float
    recall: float
    seconds: float


def least(trials: list[Trial], target: float) -> Trial:
    """The least effort that reaches `target`; the one of best recall where none does."""
    reached = [trial for trial in trials if trial.recall >= target]
    if reached:
        return min(reached, key=lambda trial: trial.effort)
    return max(trials, key=lambda trial: (trial.recall, -trial.effort))


def chosen(
    sketch: list[Trial], annoy: list[Trial], target: float, only: Proposer | None = None
) -> Choice:
    """The faster of those that reach `target`, the sketch where neither does; or the only one.

    Where both find too few, as among faces that are all alike, everyone is compared.
    """
    by_sketch = least(sketch, target)
    if only is None and max(trial.recall for trial in [*sketch, *annoy]) < FLOOR * target:
        return EXACT
    share = min(1.0, SKETCH_SAFETY * by_sketch.effort)
    if annoy and only is not Proposer.SKETCH:
        by_annoy = least(annoy, target)
        faster = by_annoy.seconds <= by_sketch.seconds or by_sketch.recall < target
        if only is Proposer.ANNOY or (by_annoy.recall >= target and faster):
            search_k = ANNOY_SAFETY * int(by_annoy.effort)
            return Choice(Proposer.ANNOY, search_k, share, by_annoy.recall)
    return Choice(Proposer.SKETCH, 0, share, by_sketch.recall)


def decoded_choice(item: dict[str, object]) -> Choice:
    """The choice in parsed JSON; raises ValueError, KeyError or TypeError where it is none."""
    choice = Choice(
        Proposer(str(item["proposer"])),
        int(str(item["search_k"])),
        float(str(item["share"])),
        float(str(item["recall"])),
    )
    if choice != EXACT and not (choice.search_k >= 0 and 0 < choice.share <= 1):
        raise ValueError("not a choice")
    return choice
