"""The figures side by side: one row a figure, one column an embedder."""

import math
from collections.abc import Callable, Iterator, Sequence

from evaluation.evaluate import Evaluation, Result
from evaluation.identifying import Answers, OfSize
from evaluation.metrics.curves import TARGETS
from evaluation.metrics.identification import FPIR_TARGETS
from evaluation.metrics.intervals import Rate, least_trials
from evaluation.report.missing import OF_ENROLLED, OF_STRANGERS, SEARCHES, missing
from evaluation.speed import Speed

Row = tuple[str, list[str]]
_NONE = "-"
_SHOWN = 10_000


def rows(found: Evaluation) -> list[Row]:
    """Every figure; n/a where the data has too little for it, words where it has nothing."""
    return [*_verified(found.results), *_identified(found), *_timed(found.results)]


def lines(found: Evaluation) -> Iterator[str]:
    """The figures as text for a terminal."""
    table = [("", [result.embedder for result in found.results]), *rows(found)]
    widths = [max(len(cells[at]) for _, cells in table) for at in range(len(found.results))]
    first = max(len(name) for name, _ in table)
    for name, cells in table:
        shown = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([name.ljust(first), *shown]).rstrip()


def of_people(found: Evaluation) -> str:
    """How many people the photos are of, to be put behind them; nothing where nobody knows."""
    if found.people is None:
        return ""
    return f" of {found.people:,} {'person' if found.people == 1 else 'people'}"


def percent(value: float | None) -> str:
    """With as many digits as a small rate needs."""
    if value is None:
        return _NONE
    digits = 2 if value == 0 or value >= 1e-3 else 4
    return f"{100 * value:.{digits}f} %"


def rate(given: Rate) -> str:
    """The rate, the counts it is made of, and the interval of the true one."""
    if not given.trials:
        return _NONE
    span = given.interval
    said = f"{100 * span.low:.3g}-{100 * span.high:.3g} %"
    return f"{percent(given.value)} ({given.errors:,} of {given.trials:,}; {said})"


def _each(name: str, results: Sequence[Result], say: Callable[[Result], str]) -> Row:
    return name, [say(result) for result in results]


def _verified(results: Sequence[Result]) -> Iterator[Row]:
    yield _each("pairs of one person", results, lambda r: f"{r.verification.fnmr.trials:,}")
    yield _each("pairs of two people", results, lambda r: f"{r.verification.fmr.trials:,}")
    if any(result.verification.comparisons.left_out for result in results):
        left_out = [f"{r.verification.comparisons.left_out:,}" for r in results]
        yield "pairs left out", left_out
    yield _each("threshold", results, lambda r: f"{r.rule.threshold:.4f}")
    yield _each("accuracy there", results, _accuracy)
    yield _each("FMR there", results, _fmr)
    yield _each("FNMR there", results, _fnmr)
    yield _each("EER", results, lambda r: missing(r.verification) or percent(r.verification.eer))
    yield _each("AUC", results, lambda r: missing(r.verification) or _number(r.verification.auc))
    for at, target in enumerate(TARGETS):
        name = f"FNMR at FMR {target:.0e}"
        yield _each(name, results, lambda r, at=at: _operating(r, at))  # type: ignore[misc]
    if any(result.verification.folds for result in results):
        yield _each("accuracy by parts", results, _by_parts)


def _accuracy(result: Result) -> str:
    return missing(result.verification) or percent(result.verification.accuracy)


def _fmr(result: Result) -> str:
    return missing(result.verification, of_one=False) or rate(result.verification.fmr)


def _fnmr(result: Result) -> str:
    return missing(result.verification, of_two=False) or rate(result.verification.fnmr)


def _identified(found: Evaluation) -> Iterator[Row]:
    results = found.results
    if found.people is None:
        return
    if not any(result.identification for result in results):
        yield _each("searches", results, lambda _: SEARCHES)
        return
    for rank in (1, 5, 10):
        yield _each(f"rank {rank}", results, lambda r, k=rank: _rank(r, k))  # type: ignore[misc]
    for at, target in enumerate(FPIR_TARGETS):
        name = f"FNIR at FPIR {target:.0e}"
        yield _each(name, results, lambda r, at=at: _open_set(r, at))  # type: ignore[misc]
    yield _each(
        "people enrolled for that", results, lambda r: _of_last(r, lambda s: f"{s.people:,}")
    )
    yield _each("FPIR at the threshold", results, lambda r: _of_last(r, _fpir))
    yield _each("FNIR at the threshold", results, lambda r: _of_last(r, _fnir))
    yield _each("answers to the enrolled", results, lambda r: _answers(r, strangers=False))
    yield _each("answers to strangers", results, lambda r: _answers(r, strangers=True))


def _timed(results: Sequence[Result]) -> Iterator[Row]:
    if any(result.speed for result in results):
        yield _each("decoding a photo", results, lambda r: _ms(r.speed, "decode_ms"))
        yield _each("finding faces", results, lambda r: _ms(r.speed, "detect_ms"))
        yield _each("embedding a face", results, lambda r: _ms(r.speed, "embed_ms"))


def _operating(result: Result, at: int) -> str:
    target, point = result.verification.operating[at]
    if (why := missing(result.verification)) is not None:
        return why
    if point is None:
        return _too_few(result.verification.fmr.trials, least_trials(target))
    return f"{rate(point.fnmr)} {_at(point.threshold)}"


def _open_set(result: Result, at: int) -> str:
    if result.identification is None or not result.identification.sizes:
        return _NONE
    last = result.identification.sizes[-1]
    target, point = last.open_set[at]
    if not last.fnir.trials:
        return OF_ENROLLED
    if point is None:
        return _too_few(last.fpir.trials, least_trials(target))
    return f"{rate(point.fnir)} {_at(point.threshold)}"


def _at(threshold: float) -> str:
    """A threshold rounded up: whoever sets it accepts no more than was measured at it."""
    if threshold > 1:
        return "where nobody is accepted"
    return f"at {math.ceil(threshold * _SHOWN) / _SHOWN:.4f}"


def _too_few(trials: int, needed: int) -> str:
    return f"n/a ({trials:,} of {needed:,} needed)" if trials < needed else _NONE


def _rank(result: Result, rank: int) -> str:
    found = result.identification
    if found is None or rank > len(found.not_among):
        return _NONE
    missed = found.not_among[rank - 1]
    return rate(Rate(missed.trials - missed.errors, missed.trials))


def _of_last(result: Result, say: Callable[[OfSize], str]) -> str:
    if result.identification is None or not result.identification.sizes:
        return _NONE
    return say(result.identification.sizes[-1])


def _fpir(size: OfSize) -> str:
    return rate(size.fpir) if size.fpir.trials else OF_STRANGERS


def _fnir(size: OfSize) -> str:
    return rate(size.fnir) if size.fnir.trials else OF_ENROLLED


def _answers(result: Result, strangers: bool) -> str:
    found = result.identification
    if found is None:
        return _NONE
    said: Answers = found.strangers if strangers else found.enrolled
    if not said.searches:
        return OF_STRANGERS if strangers else OF_ENROLLED
    right = [] if strangers else [f"{said.right:,} right"]
    rest = [
        f"{said.wrong_name:,} wrong names",
        f"{said.ambiguous:,} ambiguous",
        f"{said.no_match:,} none",
    ]
    return ", ".join([*right, *rest])


def _by_parts(result: Result) -> str:
    found = result.verification.folds
    if found is None:
        return _NONE
    mean, error = 100 * found.mean, 100 * found.standard_error
    return f"{mean:.2f} ± {error:.2f} %, {len(found.accuracies)} parts"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4f}"


def _ms(speed: Speed | None, part: str) -> str:
    return _NONE if speed is None else f"{getattr(speed, part):.1f} ms"
