"""Where the milliseconds of an answer go, stage by stage, measured from outside."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from benchmarks.speed_sample import Sample
from pipeline.analyzer import Analyzer
from pipeline.detection.stages import Stages
from pipeline.models.onnx_runtime import OnnxNetwork

STAGES = ("decode", "P-Net", "R-Net", "O-Net", "align", "embed", "search", "rest")
BASELINE_STAGES = ("decode", "detect", "embed", "search")
_REFINED, _DECIDED, _EMBED, _RUN = "_refined", "_decided", "embed", "run_named"
_LEAST_MS = -1.0
"""A stage may come out a little below zero: the recognizer rounds its own."""
_PLACES: tuple[tuple[type[Any], str], ...] = (
    (Stages, _REFINED),
    (Stages, _DECIDED),
    (Analyzer, _EMBED),
    (OnnxNetwork, _RUN),
)
Event = tuple[str, float, float]
"""What ran, when it began, when it ended."""


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Milliseconds of R-Net, O-Net and the embedder's network, there when the context ends.

    One thread at a time: what others do meanwhile is counted too.
    """
    events: list[Event] = []
    found: dict[str, float] = {}
    with ExitStack() as stack:
        for owner, name in _PLACES:
            timed = _timed(getattr(owner, name), name, events)
            stack.enter_context(patch.object(owner, name, timed))
        yield found
    embedding = max((start for name, start, _ in events if name == _EMBED), default=0.0)
    found[_REFINED] = _sum(event for event in events if event[0] == _REFINED)
    found[_DECIDED] = _sum(event for event in events if event[0] == _DECIDED)
    found[_RUN] = _sum(event for event in events if event[0] == _RUN and event[1] >= embedding)


def broken_down(sample: Sample) -> Sample:
    """A watched answer by STAGES; together they are its wall time.

    P-Net has the pyramid of sizes and its boxes in it, R-Net and O-Net the cutting of their
    crops; `rest` is what stands around the recognizer's own steps. Raises ValueError where they
    do not add up, as when the service no longer works by the steps that are watched.
    """
    seen = sample.stages
    stages = {
        "decode": seen["decode"],
        "P-Net": seen["detect"] - seen[_REFINED] - seen[_DECIDED],
        "R-Net": seen[_REFINED],
        "O-Net": seen[_DECIDED],
        "align": seen["embed"] - seen[_RUN],
        "embed": seen[_RUN],
        "search": seen["search"],
        "rest": sample.wall_ms - seen["total"],
    }
    if min(stages.values()) < _LEAST_MS:
        raise ValueError(f"the stages do not add up: {stages}")
    return Sample(sample.wall_ms, sample.cpu_ms, {k: max(0.0, v) for k, v in stages.items()})


def _timed(original: Callable[..., Any], name: str, events: list[Event]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return original(*arguments)
        finally:
            events.append((name, started, time.perf_counter()))

    return timed


def _sum(events: Iterable[Event]) -> float:
    return sum(end - start for _, start, end in events) * 1000
