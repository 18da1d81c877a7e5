"""Runs commands and small trainings in one process: TensorFlow takes seconds to load.

`python -m tests.training.keras_program COMMANDS.json`, a list of lists of arguments; says as JSON
what each said, and what the small trainings found.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from tests.training.kit import made_up, rows_of
from training.classifying import Terms, classify
from training.commands.line import main
from training.head import HeadTerms
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
    terms = Terms(folds=3, strangers=0.1, head=HeadTerms(epochs=25, rate=0.02, seed=1))
    found = classify(made_up(14, 6, spread=0.4), terms)
    return {
        "wrong": {name: found.errors(name).errors for name in found.named},
        "held_out": sorted(np.concatenate([f.held_out for f in found.folds]).tolist()),
        "strangers": [len(f.stranger_signs["softmax"]) for f in found.folds],
        "epochs": [f.trained.epochs for f in found.folds],
        "val": [f.trained.curves["val_loss"] for f in found.folds],
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


def run(commands: list[list[str]]) -> dict[str, Any]:
    return {
        "losses": losses(),
        "heads": heads(),
        "arcface": projections("arcface"),
        "triplet": projections("triplet"),
        "commands": [ran(arguments) for arguments in commands],
    }


if __name__ == "__main__":
    said = run(json.loads(Path(sys.argv[1]).read_text()))
    sys.stdout.write("\n" + json.dumps(said) + "\n")
