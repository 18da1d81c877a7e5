"""What was promised of the whole path, beside what a run measured."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.speed_accuracy import Accuracy, Found
from benchmarks.speed_photos import LARGE, PORTRAIT, SMALL
from benchmarks.speed_process import BASELINE, Measured
from benchmarks.speed_sample import Bound, Target, ratio
from benchmarks.speed_served import Served

if TYPE_CHECKING:
    from benchmarks.speed_report import Report

_SIXTH, _TENTH = 1 / 6, 1 / 10
_LARGE_MS, _DLIB_MS, _BESIDE_MS = 120, 45, 5
_TIMES, _EVEN = 8, 3
_PHOTOS_A_SECOND, _MEMORY_MB, _GROWTH, _START_SECONDS = 40, 600, 0.02, 3
_ACCURACY = 0.99


def targets(report: "Report") -> list[Target]:
    """Every target of the design, measured by this run or not."""
    bulk = report.bulk or {}
    rate = bulk[report.facenet].per_second if report.facenet in bulk else None
    return [
        *_in_process(report.process or {}, report.facenet),
        *_over_http(report.served, _p50(report.process or {}, report.facenet, SMALL)),
        Target("bulk enrollment, FaceNet, photos/s", Bound.AT_LEAST, _PHOTOS_A_SECOND, rate),
        *_memory(report.served),
        *_starts(report.starts),
        *_accuracy(report.accuracy),
    ]


def _in_process(found: Measured, facenet: str) -> list[Target]:
    def part(photo: str) -> float | None:
        return ratio(_p50(found, facenet, photo), _p50(found, BASELINE, photo))

    most = Bound.AT_MOST
    return [
        Target("FaceNet, 640x480, part of the baseline", most, _SIXTH, part(SMALL)),
        Target("the same, moonshot", most, _TENTH, part(SMALL)),
        Target("FaceNet, 910x1137, part of the baseline", most, _SIXTH, part(PORTRAIT)),
        Target("FaceNet, 12 MP, part of the baseline", most, _SIXTH, part(LARGE)),
        Target("FaceNet, 12 MP", most, _LARGE_MS, _p50(found, facenet, LARGE), " ms"),
        Target("dlib, 640x480", most, _DLIB_MS, _p50(found, "dlib", SMALL), " ms"),
    ]


def _over_http(served: Served | None, in_process_ms: float | None) -> list[Target]:
    beside = times = even = None
    if served is not None:
        (one, many), (_, theirs) = served.kenal, served.baseline
        beside = one.timing.p50 - in_process_ms if in_process_ms is not None else None
        times, even = many.per_second / theirs.per_second, many.timing.p95 / many.timing.p50
    least, most = Bound.AT_LEAST, Bound.AT_MOST
    return [
        Target("HTTP, 1 client: p50 over in process", most, _BESIDE_MS, beside, " ms"),
        Target("HTTP, 8 clients: throughput, times the baseline's", least, _TIMES, times),
        Target("HTTP, 8 clients: p95 / p50", most, _EVEN, even),
    ]


def _memory(served: Served | None) -> list[Target]:
    largest = served.largest_mb if served else None
    grown = served.growth if served else None
    most = Bound.AT_MOST
    return [
        Target("memory of a worker, at most", most, _MEMORY_MB, largest, " MB"),
        Target("its growth over the second half of the soak", most, _GROWTH, grown),
    ]


def _starts(starts: Mapping[int, Sequence[float]] | None) -> list[Target]:
    if not starts:
        return [Target("start to ready", Bound.AT_MOST, _START_SECONDS, None, " s")]
    return [
        Target(
            f"start to ready, {people:,} faces",
            Bound.AT_MOST,
            _START_SECONDS,
            median(seconds),
            " s",
        )
        for people, seconds in starts.items()
    ]


def _accuracy(found: tuple[Found, Sequence[Accuracy]] | None) -> list[Target]:
    if found is None:
        return [Target("accuracy", Bound.AT_LEAST, _ACCURACY, None)]
    faces, networks = found
    rows = [
        Target("detection: faces missed", Bound.AT_MOST, 0, faces.missed),
        Target("detection: found that are none", Bound.AT_MOST, 0, faces.extra),
    ]
    for one in networks:
        accepts, right = one.pair.false_accepts(one.threshold), one.pair.accuracy(one.threshold)
        rows += [
            Target(f"{one.model_id}, pairs: false accepts", Bound.AT_MOST, 0, accepts),
            Target(f"{one.model_id}, pairs: accuracy", Bound.AT_LEAST, _ACCURACY, right),
            Target(f"{one.model_id}, gallery: people found", Bound.AT_LEAST, one.people, one.found),
            Target(f"{one.model_id}, gallery: wrong names", Bound.AT_MOST, 0, one.wrong),
        ]
    return rows


def _p50(found: Measured, program: str, photo: str) -> float | None:
    timing = found.get((program, photo))
    return None if timing is None else timing.p50
