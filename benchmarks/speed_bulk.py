"""Photos enrolled a second, by benchmarks.bulk's own functions, for each network."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bulk import BULK, make_photos
from benchmarks.index_process import ROOT
from benchmarks.speed_gallery import Bench
from benchmarks.speed_networks import OTHERS, Networks
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What enrolling many photos at once gave."""

    photos: int
    enrolled: int
    per_second: float
    cpu_ms: float
    peak_mb: float


def enrolled(bench: Bench, shared: Path, settings: Settings, count: int) -> Mapping[str, Enrolled]:
    """By network: as many made photos of 640x480, each another person."""
    folder, networks = bench.folder / "bulk", bench.networks
    bench.tell(f"making {count} photos")
    make_photos(shared, settings, count, folder / "photos")
    found = {}
    for embedder in (networks.facenet, *OTHERS):
        bench.tell(f"enrolling {count} photos with {embedder}")
        found[embedder] = _enrolled(networks, embedder, folder)
        _forget(folder, embedder)
    return found


def _enrolled(networks: Networks, embedder: str, folder: Path) -> Enrolled:
    command = [sys.executable, "-m", "benchmarks.bulk", "--way", BULK, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--embedder", embedder],
        cwd=ROOT,
        env={
            **os.environ,
            "KENAL_DATABASE_URL": "",
            "KENAL_MODEL_DIR": str(networks.models),
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    said: Mapping[str, object] = json.loads(done.stdout.splitlines()[-1])
    statuses = said["statuses"]
    assert isinstance(statuses, dict)
    return Enrolled(
        photos=int(str(said["photos"])),
        enrolled=int(statuses.get("enrolled", 0)),
        per_second=float(str(said["photos_per_s"])),
        cpu_ms=float(str(said["cpu_ms_per_photo"])),
        peak_mb=float(str(said["peak_mb"])),
    )


def _forget(folder: Path, embedder: str) -> None:
    """Put the finished gallery aside: the next network begins with an empty one."""
    (folder / BULK.replace(" ", "-")).rename(folder / f"done-{embedder}")
