"""What the database and the index say when Prometheus asks: once a scrape, not once a worker."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.errors import KenalError
from db.counts import Counts, count_all
from pipeline.devices import ONLINE
from pipeline.heartbeat import last_beat
from pipeline.services import Services

_KEPT_SECONDS = 15.0
_COUNTED_SHARE = 50
"""Counting a million people and their photos takes a second: it is done so much of the time."""


class State(Collector):
    """Gauges of the whole service; a part that cannot be looked at is left out. Thread-safe."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counts | None = None
        self._next_count = float("-inf")

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        yield _gauge("kenal_database_up", "Whether the database answers.", self._is_up())
        counts = self._counted()
        ready = self._services.problem is None
        yield _gauge("kenal_ready", "Whether networks and gallery are loaded.", ready)
        if counts is not None:
            yield from _of_database(counts)
        yield from self._of_index()
        yield from self._of_watcher()

    def _is_up(self) -> bool:
        try:
            with self._services.database.read() as session:
                session.connection()
        except KenalError:
            return False
        return True

    def _counted(self) -> Counts | None:
        with self._lock:
            started = self._clock()
            if started >= self._next_count:
                self._counts = self._count()
                took = self._clock() - started
                self._next_count = started + max(_KEPT_SECONDS, took * _COUNTED_SHARE)
            return self._counts

    def _count(self) -> Counts | None:
        try:
            with self._services.database.read() as session:
                return count_all(session, datetime.now(UTC), ONLINE, self._counts)
        except KenalError:
            return None

    def _of_index(self) -> Iterator[Metric]:
        try:
            gallery = self._services.engine().gallery
            fault = gallery.catch_up()
            faces = gallery.count_with(fault)
        except KenalError:
            return
        index = gallery.index.status()
        degraded = bool(fault or index.degraded or gallery.index.problem)
        yield _gauge("kenal_faces", "Enrolled faces that are searched.", faces)
        yield _gauge("kenal_index_segments", "Segments of the index.", len(index.segments))
        yield _gauge("kenal_index_delta_faces", "Faces not in a segment yet.", index.delta)
        yield _gauge("kenal_index_tombstones", "Removed faces in segments.", index.tombstones)
        yield _gauge("kenal_index_degraded", "Whether searches are slower for it.", degraded)

    def _of_watcher(self) -> Iterator[Metric]:
        beat = last_beat(self._services.settings)
        yield _gauge("kenal_watcher_up", "Whether the watcher runs.", beat is not None)
        if beat is not None:
            yield _gauge("kenal_watcher_waiting", "Files the watcher has to do.", beat.waiting)


def _of_database(counts: Counts) -> Iterator[Metric]:
    yield _gauge("kenal_people", "Enrolled people.", counts.people)
    ledger = GaugeMetricFamily(
        "kenal_ledger_photos", "Photos of the ledger by status.", labels=["status"]
    )
    for status, number in counts.ledger.items():
        ledger.add_metric([status], number)
    yield ledger
    deliveries = GaugeMetricFamily(
        "kenal_webhook_deliveries", "Deliveries not delivered.", labels=["status"]
    )
    for state, number in counts.deliveries.items():
        deliveries.add_metric([state], number)
    yield deliveries
    late = counts.overdue.total_seconds()
    yield _gauge("kenal_webhook_overdue_seconds", "How late the latest due delivery is.", late)
    yield CounterMetricFamily("kenal_checkins", "Check-ins recorded.", counts.check_ins)
    yield _gauge("kenal_devices", "Registered devices.", counts.devices)
    yield _gauge("kenal_devices_online", "Devices heard of lately.", counts.online)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)
