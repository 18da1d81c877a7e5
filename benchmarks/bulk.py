"""How many photos a second are enrolled, one by one and many at once: `python -m benchmarks.bulk`.

Photos of 640x480 are made of real ones, one face each and no two with the same bytes. Each way
enrolls all of them in a process and a gallery of its own, with the real networks.
"""

import argparse
import io
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks.photos import Faces, photos, prepared, shared_dir
from core.settings import Settings
from core.types import Box
from db import migrate
from pipeline.bulk import Bulk
from pipeline.drop import Entry
from pipeline.reconcile import Reconciler
from pipeline.services import Engine, Services
from pipeline.setup import prepare_embedder

SIZE = (640, 480)
SINGLE, BULK = "one by one", "at once"
_SOURCES = ("gallery", "pairs")


def portraits(shared: Path, settings: Settings) -> list[tuple[str, Image.Image, Box]]:
    """Real photos with one face that is usable, and where it is."""
    faces = Faces(settings)
    found = []
    for name, path in photos(shared / "faces").items():
        if not name.startswith(_SOURCES):
            continue
        photo, usable = faces.usable(path)
        if len(usable) == 1:
            box = usable[0].box
            found.append((name.replace("/", "-"), Image.fromarray(photo.rgb), box))
    return found


def varied(picture: Image.Image, face: Box, random: np.random.Generator) -> bytes:
    """A 640x480 JPEG of that face, a little elsewhere, larger or brighter than any other."""
    width = min(face.width * random.uniform(3.0, 4.5), picture.width, picture.height * 4 / 3)
    height = width * 3 / 4
    x, y = face.center
    x, y = x + random.uniform(-0.2, 0.2) * face.width, y + random.uniform(-0.2, 0.2) * face.width
    left = min(max(0.0, x - width / 2), picture.width - width)
    top = min(max(0.0, y - height / 2), picture.height - height)
    part = picture.resize(SIZE, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    stream = io.BytesIO()
    bright = ImageEnhance.Brightness(part).enhance(random.uniform(0.85, 1.15))
    bright.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def make_photos(shared: Path, settings: Settings, count: int, drop: Path) -> None:
    drop.mkdir(parents=True)
    random = np.random.default_rng(1)
    sources = portraits(shared, settings)
    for number in range(count):
        name, picture, face = sources[number % len(sources)]
        (drop / f"{name}-{number}.jpg").write_bytes(varied(picture, face, random))


def one_by_one(engine: Engine, work: Sequence[Entry], _: int) -> Iterator[str]:
    for entry in work:
        yield engine.converter.convert(entry.path).status


def at_once(engine: Engine, work: Sequence[Entry], threads: int) -> Iterator[str]:
    with Bulk(engine.converter, threads or None) as bulk:
        for _, outcome in bulk.convert_all(work):
            yield outcome.status if outcome else "unrecorded"


def memory_mb(field: str) -> int:
    """What this process holds now (VmRSS), or held at most (VmHWM)."""
    # Not getrusage: its maximum is the parent's, where that held more before the fork.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(field))


def measure(way: str, settings: Settings, threads: int) -> dict[str, object]:
    """Enroll what lies in the drop folder; what was seen of it."""
    logging.disable(logging.WARNING)
    services = Services.build(settings)
    migrate.upgrade(services.database)
    prepare_embedder(services.database, settings, lambda _: None)
    engine = services.start()
    work = Reconciler(services.database, settings.photo_dir).scan().work
    run = one_by_one if way == SINGLE else at_once
    statuses: Counter[str] = Counter()
    memory: list[int] = []
    started, busy = time.perf_counter(), time.process_time()
    for status in run(engine, work, threads):
        statuses[status] += 1
        if sum(statuses.values()) % max(1, len(work) // 4) == 0:
            memory.append(memory_mb("VmRSS"))
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    services.close()
    return {
        "photos": len(work),
        "photos_per_s": round(len(work) / seconds, 2),
        "cpu_ms_per_photo": round(busy / len(work) * 1000, 1),
        "statuses": dict(statuses),
        "memory_mb_at_quarters": memory,
        "peak_mb": memory_mb("VmHWM"),
    }


def in_child(way: str, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    # In a process of its own: memory is not given back from one way to the next.
    child = [sys.executable, "-m", "benchmarks.bulk", "--way", way, "--folder", str(folder)]
    child += ["--embedder", options.embedder, "--threads", str(options.threads)]
    done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def main() -> None:
    """Make photos, enroll them both ways, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--embedder", default="mobilefacenet")
    parser.add_argument("--threads", type=int, default=0, help="0: one a core")
    parser.add_argument("--way", choices=[SINGLE, BULK], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shared = shared_dir()
    settings = prepared(shared, [options.embedder])
    if options.way:
        folder = options.folder
        own = Settings(
            database_url="",
            data_dir=folder / options.way.replace(" ", "-"),
            photo_dir=folder / "photos",
            model_dir=settings.models_path.resolve(),
            embedder=options.embedder,
        )
        print(json.dumps(measure(options.way, own, options.threads)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        make_photos(shared, settings, options.count, Path(temporary) / "photos")
        results = {way: in_child(way, Path(temporary), options) for way in (SINGLE, BULK)}
    for way, result in results.items():
        print(f"{way}: " + ", ".join(f"{key} {value}" for key, value in result.items()))
    speeds = [float(str(results[way]["photos_per_s"])) for way in (SINGLE, BULK)]
    print(f"{BULK} is {speeds[1] / speeds[0]:.2f} times as fast as {SINGLE}")


if __name__ == "__main__":
    main()
