"""The same as JSON, for programs: every count behind every rate, and the curves."""

import math
from collections.abc import Sequence

from evaluation.evaluate import Evaluation, Result
from evaluation.identifying import Answers, Identification, OfSize
from evaluation.metrics.curves import Curve, thinned
from evaluation.metrics.intervals import CONFIDENCE, Rate
from evaluation.report.copies import copies
from evaluation.report.worst import Worst
from evaluation.verification import Verification

Json = dict[str, object]
VERSION = 1
_MOST_POINTS = 400


def record(found: Evaluation, worst: Sequence[Worst]) -> Json:
    """Everything that was measured; a rate that could not be said is null."""
    return {
        "version": VERSION,
        "title": found.title,
        "confidence": CONFIDENCE,
        "photos": {"usable": len(found.names), "unusable": len(found.unusable)},
        "people": found.people,
        "unusable": [
            {"photo": one.name, "code": one.code, "message": one.message} for one in found.unusable
        ],
        "embedders": [_result(result) for result in found.results],
        "worst_pairs": [
            {
                "embedder": one.embedder,
                "same_person": one.genuine,
                "similarity": one.similarity,
                "first": one.first,
                "second": one.second,
            }
            for one in worst
        ],
    }


def _result(found: Result) -> Json:
    speed = found.speed
    return {
        "embedder": found.embedder,
        "space": found.space,
        "threshold": found.rule.threshold,
        "calibration": found.rule.calibration,
        "margin": found.rule.margin,
        "verification": _verification(found.verification),
        "identification": found.identification and _identification(found.identification),
        "speed": speed
        and {
            "photos": speed.photos,
            "decode_ms": round(speed.decode_ms, 2),
            "detect_ms": round(speed.detect_ms, 2),
            "embed_ms": round(speed.embed_ms, 2),
        },
    }


def _verification(found: Verification) -> Json:
    folds = found.folds
    return {
        "pairs_left_out": found.comparisons.left_out,
        "drawn_by_lot": found.comparisons.sampled,
        "fmr": _rate(found.fmr),
        "fnmr": _rate(found.fnmr),
        "accuracy": found.accuracy,
        "auc": found.auc,
        "eer": found.eer,
        "one_person_as_copies": copies(found),
        "at_fmr": [
            {
                "target": target,
                "threshold": None if point is None else _finite(point.threshold),
                "fmr": None if point is None else _rate(point.fmr),
                "fnmr": None if point is None else _rate(point.fnmr),
            }
            for target, point in found.operating
        ],
        "by_parts": folds
        and {
            "mean": folds.mean,
            "standard_error": folds.standard_error,
            "accuracies": list(folds.accuracies),
            "thresholds": list(folds.thresholds),
        },
        "curve": found.curve and _curve(thinned(found.curve, _MOST_POINTS)),
    }


def _identification(found: Identification) -> Json:
    return {
        "people": found.people,
        "not_among_first": [_rate(one) for one in found.not_among],
        "gallery_sizes": [_size(one) for one in found.sizes],
        "answers_to_enrolled": _answers(found.enrolled),
        "answers_to_strangers": _answers(found.strangers),
    }


def _size(found: OfSize) -> Json:
    return {
        "people": found.people,
        "not_first": _rate(found.not_first),
        "fpir": _rate(found.fpir),
        "fnir": _rate(found.fnir),
        "at_fpir": [
            {
                "target": target,
                "threshold": None if point is None else point.threshold,
                "fpir": None if point is None else _rate(point.fpir),
                "fnir": None if point is None else _rate(point.fnir),
            }
            for target, point in found.open_set
        ],
    }


def _answers(found: Answers) -> Json:
    return {
        "right": found.right,
        "wrong_name": found.wrong_name,
        "ambiguous": found.ambiguous,
        "no_match": found.no_match,
    }


def _rate(given: Rate) -> Json:
    span = given.interval
    return {
        "errors": given.errors,
        "trials": given.trials,
        "rate": given.value,
        "low": span.low,
        "high": span.high,
    }


def _curve(found: Curve) -> Json:
    return {
        "thresholds": [_finite(value) for value in found.thresholds.tolist()],
        "fmr": found.fmr.tolist(),
        "fnmr": found.fnmr.tolist(),
    }


def _finite(value: float) -> float | None:
    """JSON has no infinity: null is the threshold that accepts nobody."""
    return value if math.isfinite(value) else None
