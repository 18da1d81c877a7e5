"""Which workers, threads and turns serve photos best: `python -m benchmarks.serving`.

One gunicorn for each way of serving, all of them running, and asked in turn: whatever else the
machine does hits all alike. CPU time says what an answer costs; the rest, how it feels.
MODEL_DIR and the embedder are the settings'.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from flask import Flask

from api import create_app
from benchmarks.index_process import leave_nothing_behind
from benchmarks.photos import shared_dir
from benchmarks.speed_gallery import services_with, settings_in
from benchmarks.speed_load import Load, form, load, post
from benchmarks.speed_photos import resized
from benchmarks.speed_server import children, free_port, resident_mb, started, wait_ready
from core.settings import Settings, load_settings
from pipeline.analyzer import Analyzer, BuildAnalyzer, LeastFace
from pipeline.detection.detector import PaddedSecondTry
from pipeline.detection.mtcnn import MtcnnDetector
from pipeline.embedders.onnx_embedder import OnnxEmbedder
from pipeline.models.prepared import network_file, network_files
from pipeline.models.registry import MTCNN, find
from pipeline.services import Services

_ONE, _MANY = 1, 8
_HEADING = (
    "| workers, network threads, at once | p50 ms, 1 client | p50 ms, 8 | p95/p50, 8 | photos/s, 8 "
    "| to the first | CPU ms a photo, 1 | 8 | RSS MB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way of serving: gunicorn's workers, threads of each network, photos at once in each."""

    workers: int
    threads: int
    at_once: int

    def __str__(self) -> str:
        return f"{self.workers}, {self.threads}, {self.at_once}"


@dataclass(slots=True)
class Server:
    """A running way, and what was measured of it, round by round."""

    way: Way
    port: int
    pids: Sequence[int]
    one: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)
    cpu_one: list[float] = field(default_factory=list)
    cpu_many: list[float] = field(default_factory=list)

    def ask(self, body: bytes, requests: int) -> None:
        """A round: some requests by one client, and four times as many by eight."""
        for clients, loads, cpu, count in (
            (_ONE, self.one, self.cpu_one, requests),
            (_MANY, self.many, self.cpu_many, 4 * requests),
        ):
            before = self._cpu_ms()
            loads.append(load(self.port, [body], clients, count))
            cpu.append((self._cpu_ms() - before) / count)

    def row(self, first: "Server") -> str:
        """Medians over the rounds; `to the first` is the median of the rounds' own ratios."""
        faster = median(
            a.per_second / b.per_second for a, b in zip(self.many, first.many, strict=True)
        )
        cells = [
            f"{median(found.timing.p50 for found in self.one):.0f}",
            f"{median(found.timing.p50 for found in self.many):.0f}",
            f"{median(found.timing.p95 / found.timing.p50 for found in self.many):.2f}",
            f"{median(found.per_second for found in self.many):.1f}",
            f"{faster:.2f}",
            f"{median(self.cpu_one):.1f}",
            f"{median(self.cpu_many):.1f}",
            f"{sum(resident_mb(pid) for pid in self.pids):.0f}",
        ]
        return f"| {self.way} | {' | '.join(cells)} |"

    def _cpu_ms(self) -> float:
        texts = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self.pids]
        ticks = sum(sum(map(int, text.split()[11:13])) for text in texts)
        return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def create(threads: int, at_once: int) -> Flask:
    """The application of this process's settings, with so many network threads; for gunicorn."""
    settings = load_settings().model_copy(update={"photos_at_once": at_once})
    return create_app(services=Services.build(settings, networks_with(threads)))


def networks_with(threads: int) -> BuildAnalyzer:
    """MTCNN and an ONNX embedder, each with so many threads."""

    def build(embedder_id: str, settings: Settings) -> Analyzer:
        models, entry = settings.models_path, find(embedder_id, settings)
        mtcnn = MtcnnDetector(lambda: network_files(MTCNN, models), threads)
        embedder = OnnxEmbedder(entry, lambda: network_file(entry, models), threads)
        least_face = LeastFace(settings.min_face_px, settings.min_face_part)
        return Analyzer(PaddedSecondTry(mtcnn), embedder, least_face)

    return build


@contextmanager
def serving(way: Way, folder: Path, body: bytes) -> Iterator[Server]:
    """A ready gunicorn with a gallery of its own in which the photo is enrolled."""
    own = load_settings()
    settings = settings_in(folder, own.models_path.absolute(), own.embedder)
    services_with(settings).close()
    command = ["-m", "gunicorn", "--config", "gunicorn.conf.py", "--workers", str(way.workers)]
    factory = f"benchmarks.serving:create(threads={way.threads}, at_once={way.at_once})"
    port = free_port()
    with started([*command, factory], settings, port) as process:
        wait_ready(port, process, way.workers)
        post(port, "/users/known/photos", body)
        load(port, [body], _MANY, 3 * _MANY)
        yield Server(way, port, children(process))


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = "1-1-1,1-1-2,1-1-3,1-1-4,1-2-1,1-2-2,1-2-3,1-2-4,2-1-1,2-1-2,2-2-1,2-2-2,2-2-4"
    parser.add_argument("--ways", default=every, help="workers-threads-at once, by commas")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=20, help="a round by one client")
    parser.add_argument("--photo", type=Path, help="default: 640x480 with one face")
    return parser.parse_args(given)


def main() -> None:
    given = arguments()
    leave_nothing_behind()
    ways = [Way(*map(int, text.split("-"))) for text in given.ways.split(",")]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        source = shared_dir() / "faces" / "gallery" / "obama-480p.jpg"
        body = form(given.photo or resized(source, (640, 480), folder))
        servers = []
        for number, way in enumerate(ways):
            servers.append(stack.enter_context(serving(way, folder / str(number), body)))
            print(f"ready: {way}", flush=True)
        for number in range(given.rounds):
            for server in servers:
                server.ask(body, given.requests)
            print(f"round {number + 1}", flush=True)
        print("\n".join([_HEADING, *(server.row(servers[0]) for server in servers)]))


if __name__ == "__main__":
    main()
