"""What the workers count. Names and labels are a contract with dashboards: docs/api/metrics.md."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.exchange import Exchange
from core.types import Decision

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SUM = "total"
_ATTEMPTS = 3


class Measures:
    """Counters of this process, or of all workers together where gunicorn shares them.

    Whether they are shared, the library decides when it is imported, by its own variable that
    gunicorn.conf.py sets: values are in files of DATA_DIR/metrics then. Thread-safe.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._waiting_now = waiting
        rule = ["method", "rule"]
        self._requests = Counter(
            "kenal_http_requests", "Requests answered.", [*rule, "status"], registry=None
        )
        self._seconds = Histogram(
            "kenal_http_request_seconds",
            "Time to answer, the body's arrival included.",
            rule,
            buckets=_SECONDS,
            registry=None,
        )
        self._refusals = Counter(
            "kenal_refusals", "Requests refused, by the code of the error.", ["code"], registry=None
        )
        self._stages = Histogram(
            "kenal_photo_stage_seconds",
            "Time of each stage of the photos answered for.",
            ["stage"],
            buckets=_SECONDS,
            registry=None,
        )
        self._decisions = Counter(
            "kenal_decisions", "Faces decided about.", ["rule", "decision"], registry=None
        )
        self._waiting = Gauge(
            "kenal_photos_waiting",
            "Photos waiting for their turn.",
            multiprocess_mode="livesum",
            registry=None,
        )

    def count(self, found: Exchange) -> None:
        """One more exchange."""
        self._requests.labels(found.method, found.rule, str(found.status)).inc()
        self._seconds.labels(found.method, found.rule).observe(found.seconds)
        if found.code is not None:
            self._refusals.labels(found.code).inc()
        self._count_photo(found)
        self._waiting.set(self._waiting_now())

    def as_text(self, state: Collector) -> bytes:
        """Everything in Prometheus' text format, with what `state` says of the service."""
        self._waiting.set(self._waiting_now())
        for _ in range(_ATTEMPTS - 1):
            try:
                return generate_latest(self._registry(state))
            except FileNotFoundError:
                continue  # A worker ended between the listing of its files and the reading.
        return generate_latest(self._registry(state))

    def _registry(self, state: Collector) -> CollectorRegistry:
        registry = CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        except ValueError:
            # Not under gunicorn: what this process counted is all there is.
            own = (self._requests, self._seconds, self._refusals)
            for metric in (*own, self._stages, self._decisions, self._waiting):
                registry.register(metric)
        registry.register(state)
        return registry

    def _count_photo(self, found: Exchange) -> None:
        """Stages and decisions as the answer itself tells them.

        So whatever answers for a photo is measured, and no view has to know.
        """
        said = _told(found)
        timings = said.get("timings_ms")
        if isinstance(timings, dict):
            for stage, ms in timings.items():
                if stage != _SUM:
                    self._stages.labels(stage).observe(ms / 1000)
        for decision in _decisions(said):
            self._decisions.labels(found.rule, decision).inc()


def _told(found: Exchange) -> Mapping[str, object]:
    """The JSON of a photo's answer; empty for every other, and for one that is a repetition."""
    if found.method != "POST" or found.status not in (200, 201) or not found.response.is_json:
        return {}
    body = found.response.get_json(silent=True)
    if not isinstance(body, dict) or body.get("duplicate") is True:
        return {}
    return body


def _decisions(said: Mapping[str, object]) -> Iterator[str]:
    faces = said.get("faces")
    for one in faces if isinstance(faces, list) else [said]:
        decision = one.get("decision") if isinstance(one, dict) else None
        if isinstance(decision, str) and decision in set(Decision):
            yield decision
