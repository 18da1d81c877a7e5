"""POST /upload_photo on real gunicorn workers, their memory, and on the baseline behind Flask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed_gallery import Bench, Tell, services_with
from benchmarks.speed_load import Load, form, load, post
from benchmarks.speed_process import started_baseline
from benchmarks.speed_server import (
    WEB,
    children,
    free_port,
    resident_mb,
    started,
    wait_listening,
    wait_ready,
)

ONE, MANY = 1, 8
_WARM_UP = 24
_SOAK_STEP = 500


@dataclass(frozen=True, slots=True)
class Requests:
    """How many of them Kenal gets from one and from many clients, and for the soak."""

    one: int = 200
    many: int = 400
    soak: int = 0

    def for_baseline(self) -> tuple[int, int]:
        """A fifth: it takes several times as long for each."""
        return max(2, self.one // 5), max(MANY, self.many // 5)


@dataclass(frozen=True, slots=True)
class Served:
    """Loads by 1 and by 8 clients, and the megabytes of each worker as the run went on.

    `soak_mb` has a row every so many requests of mixed sizes.
    """

    kenal: Sequence[Load]
    baseline: Sequence[Load]
    before_mb: Sequence[float]
    after_mb: Sequence[float]
    soak_mb: Sequence[Sequence[float]]

    @property
    def largest_mb(self) -> float:
        return max(mb for row in (self.before_mb, self.after_mb, *self.soak_mb) for mb in row)

    @property
    def growth(self) -> float | None:
        """Of the memory over the second half of the soak, as a part; None without a soak."""
        if len(self.soak_mb) < 2:
            return None
        middle = self.soak_mb[(len(self.soak_mb) - 1) // 2]
        return max(self.soak_mb[-1]) / max(middle) - 1


def served(bench: Bench, photo: Path, mixed: Sequence[Path], requests: Requests) -> Served:
    """The same photo over HTTP, to Kenal and then to the baseline."""
    tell = bench.tell
    settings = bench.settings(bench.networks.facenet, "served")
    services_with(settings).close()
    body = form(photo)
    port = free_port()
    with started(WEB, settings, port) as web:
        tell("starting gunicorn")
        wait_ready(port, web, settings.workers)
        if post(port, "/users/known/photos", body) not in (200, 201):
            raise SystemExit("the photo could not be enrolled")
        load(port, [body], MANY, _WARM_UP)
        workers = children(web)
        before = [resident_mb(pid) for pid in workers]
        tell(f"Kenal: {requests.one} requests by one client, {requests.many} by {MANY}")
        ours = [load(port, [body], ONE, requests.one), load(port, [body], MANY, requests.many)]
        after = [resident_mb(pid) for pid in workers]
        soak = _soak(port, [form(path) for path in mixed], requests.soak, workers, tell)
    theirs = _baseline(bench.networks.weights, body, requests, tell)
    return Served(ours, theirs, before, after, soak)


def _baseline(weights: Path, body: bytes, requests: Requests, tell: Tell) -> list[Load]:
    port = free_port()
    one, many = requests.for_baseline()
    with started_baseline("benchmarks.baseline", str(weights), "--serve", str(port)):
        tell("starting the baseline behind Flask")
        wait_listening(port)
        load(port, [body], MANY, MANY)
        tell(f"baseline: {one} requests by one client, {many} by {MANY}")
        return [load(port, [body], ONE, one), load(port, [body], MANY, many)]


def _soak(
    port: int, bodies: Sequence[bytes], requests: int, workers: Sequence[int], tell: Tell
) -> list[list[float]]:
    rows = []
    for done in range(0, requests, _SOAK_STEP):
        found = load(port, bodies, MANY // 2, min(_SOAK_STEP, requests - done))
        rows.append([resident_mb(pid) for pid in workers])
        shown = ", ".join(f"{mb:.0f}" for mb in rows[-1])
        tell(f"soak: {done + _SOAK_STEP} requests, RSS {shown} MB, {found.per_second:.1f} a second")
    return rows
