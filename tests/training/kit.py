"""Made-up people as embeddings, and `python -m training` in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.types import Matrix
from training.looking import Ids, Samples

ROOT = Path(__file__).resolve().parents[2]
# Threads that wait for each other's share of so little work cost more than they save.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
)


def made_up(
    people: int, photos: int, views: int = 2, *, dimensions: int = 32, spread: float = 1.0
) -> Samples:
    """Photos around a center of each person; `spread` is how far, beside centers of length 1.

    A quarter of the numbers says little of who it is and varies much, as light does.
    """
    rng = np.random.default_rng(7)
    loud = np.where(np.arange(dimensions) < dimensions // 4, 8.0, 1.0) * spread
    centers = rng.normal(size=(people, 1, 1, dimensions))
    places = centers + rng.normal(size=(people, photos, 1, dimensions)) * loud
    moved = rng.normal(size=(people, photos, views, dimensions)) * 0.2 * loud
    moved[:, :, 0] = 0
    rows = (places + moved).reshape(people * photos, views, dimensions).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    count = people * photos
    return Samples(
        rows,
        np.repeat(np.arange(people), photos),
        [f"person {at}" for at in range(people)],
        [f"photo {at}" for at in range(count)],
        [f"{at:064x}" for at in range(count)],
        [],
    )


def rows_of(samples: Samples) -> tuple[Matrix, Ids]:
    """The photos as they are, and whose they are."""
    return np.asarray(samples.rows[:, 0], np.float32), samples.people


def python(arguments: Sequence[str], settings: dict[str, Path]) -> str:
    """What a Python program of ours says; its errors are shown where it fails."""
    ours = {f"KENAL_{key}": str(value) for key, value in settings.items()}
    environment = {**os.environ, **ONE_THREAD, **ours}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def colors(picture: np.ndarray) -> int:
    """How many there are in a picture of uint8, which is no plot where they are few."""
    return len(np.unique(picture.astype(np.uint32) @ np.asarray([1, 256, 65536], np.uint32)))


def recorded(file: Path) -> Any:
    return json.loads(file.read_text())
