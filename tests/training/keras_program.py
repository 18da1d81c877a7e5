"""Runs commands and small trainings in one process: TensorFlow takes seconds to load.

`python -m tests.training.keras_program FOLDER`: its commands.json is a list of lists of arguments.
Says as JSON what each said, what the small trainings found, and a device's vector of its face.npy.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from core.errors import InvalidParameter
from edge.recognition.embedders import embedder_of
from edge.types import Face
from tests.training.kit import made_up, rows_of
from training.baselines import by_centroid
from training.commands.line import main
from training.head import HeadTerms, Labelled, probabilities, train_head
from training.keras_here import keras
from training.losses import arcface, triplet
from training.metric import Given, MetricTerms, auc_of, embedded, fit
from training.projecting import projection


def ran(arguments: list[str]) -> dict[str, object]:
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        code = main(arguments)
    return {"code": code, "out": out.getvalue(), "errors": errors.getvalue()}


def losses() -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    cosines = rng.uniform(-1, 1, (6, 4)).astype(np.float32)
    rows = rng.normal(size=(6, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = np.asarray([0, 0, 1, 1, 2, 2])
    ops = keras().ops
    return {
        "cosines": cosines.ravel().tolist(),
        "rows": rows.ravel().tolist(),
        "arcface": ops.convert_to_numpy(arcface(0.3, 8.0)(people, cosines)).tolist(),
        "no_margin": ops.convert_to_numpy(arcface(0.0, 8.0)(people, cosines)).tolist(),
        "triplet": ops.convert_to_numpy(triplet(10.0)(people, rows)).tolist(),
    }


def heads() -> dict[str, object]:
    """Where much varies that says nothing of who it is, training beats the centroid."""
    samples = made_up(14, 12, spread=0.4)
    rows, people = rows_of(samples)
    number = np.arange(len(people)) % 12
    held, stop, train = number < 7, number == 7, number > 7
    every = np.asarray(samples.rows[train], np.float32).reshape(-1, rows.shape[1])
    views = Labelled(every, np.repeat(people[train], 2))
    stop_by = Labelled(rows[stop], people[stop])
    found = train_head(views, 14, HeadTerms(epochs=25, rate=0.02, seed=1), stop_by=stop_by)
    named = {
        "head": probabilities(found.model, rows[held]).argmax(axis=1),
        "centroid": by_centroid(rows[~held], people[~held], rows[held], 14).people,
    }
    return {
        "wrong": {name: int(np.sum(said != people[held])) for name, said in named.items()},
        "epochs": found.epochs,
        "val": found.curves["val_loss"],
    }


def projections(loss: str) -> dict[str, float]:
    samples = made_up(30, 6, spread=0.4)
    rows, people = rows_of(samples)
    train, stop, held = (people < 20), (people >= 20) & (people < 25), people >= 25
    network = projection(32, 32, 0)
    untouched = bool(np.allclose(embedded(network, rows), rows, atol=1e-6))
    terms = MetricTerms(loss=type(MetricTerms().loss)(loss), epochs=6, rate=0.008)
    course = fit(network, Given(rows[train], people[train]), Given(rows[stop], people[stop]), terms)
    return {
        "untouched": untouched,
        "before": auc_of(rows[held], people[held]),
        "after": auc_of(embedded(network, rows[held]), people[held]),
        "kept_auc": course.aucs[course.kept],
        "stop_auc": auc_of(embedded(network, rows[stop]), people[stop]),
        "best_auc": max(course.aucs),
    }


def diverged() -> str:
    rows, people = rows_of(made_up(4, 4))
    given = Given(rows, people)
    try:
        fit(projection(32, 32, 0), given, given, MetricTerms(epochs=3, rate=1e38))
    except InvalidParameter as error:
        return error.message
    return ""


def without_download(folder: Path) -> dict[str, object]:
    """ImageNet's weights where the network is away."""
    keras()
    with patch("keras.src.utils.file_utils.get_file", side_effect=OSError("/where/it/lies")):
        return ran(["build-mobilenet", "--weights", "imagenet", "--out", str(folder)])


def on_device(folder: Path) -> list[float]:
    """The vector of `face.json` in `face.npy` as an edge agent's TensorFlow Lite gives it."""
    box, points = json.loads((folder / "face.json").read_text())
    one, two, three, four, five = ((float(x), float(y)) for x, y in points)
    face = Face(tuple(box), (one, two, three, four, five), 0.99)
    device = embedder_of(folder / "models" / "ours" / "manifest.toml")
    return [float(value) for value in device.embed(np.load(folder / "face.npy"), face)]


def run(folder: Path) -> dict[str, Any]:
    commands = json.loads((folder / "commands.json").read_text())
    return {
        "losses": losses(),
        "heads": heads(),
        "arcface": projections("arcface"),
        "triplet": projections("triplet"),
        "diverged": diverged(),
        "imagenet": without_download(folder / "imagenet"),
        "commands": [ran(arguments) for arguments in commands],
        "on_device": on_device(folder),
    }


if __name__ == "__main__":
    said = run(Path(sys.argv[1]))
    sys.stdout.write("\n" + json.dumps(said) + "\n")
