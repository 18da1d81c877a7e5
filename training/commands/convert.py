"""`convert SOURCE --photos DATASET`: a Keras network for devices, compared, timed, with manifests.

SOURCE is the folder that build-mobilenet wrote, or `facenet`.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InvalidParameter, ModelUnavailable
from core.files import sha256_file
from core.settings import Settings
from pipeline.models.custom import MANIFEST_NAME
from pipeline.models.network_input import OnnxInput
from pipeline.models.registry import FACENET
from training.augmentation import Level
from training.commands.at_hand import (
    Commands,
    check_out,
    command,
    looking,
    pictures_of,
    say,
    settings_here,
    staged,
)
from training.converting import (
    LARGEST_DIFFERENCE,
    ONNX,
    TFLITE,
    Parity,
    onnx_run,
    parity,
    tflite_run,
    to_onnx,
    to_tflite,
)
from training.keras_here import keras, quiet
from training.looking import Views
from training.manifests import manifest_json, manifest_toml
from training.metric import values_of
from training.provenance import NETWORK, Provenance, read
from training.published import facenet
from training.timing import Timing, timed
from training.views import Crops
from training.written import as_json, now, table, versions, write_files

TOML = "manifest.toml"
_MOST_PHOTOS = 32


def declare(commands: Commands) -> None:
    says = "Convert a network to ONNX and TensorFlow Lite, and compare them on real faces."
    parser = command(commands, "convert", says, _run)
    add = parser.add_argument
    add("source", help="the folder of build-mobilenet, or facenet")
    add("--photos", type=Path, required=True, help="DATASET/<person>/<photo>: faces to compare on")
    add("--out", type=Path, required=True, help="a new network's folder, as MODEL_DIR/<id>")
    add("--runs", type=int, default=50, help="runs of the benchmark (50)")


def _run(given: argparse.Namespace) -> None:
    if given.runs < 1:
        raise InvalidParameter("--runs is at least 1")
    check_out(given.out, given.photos)
    settings = settings_here()
    network, provenance = _source(given.source, settings)
    with staged("convert") as on_progress:
        crops = _crops(given.photos, provenance, settings)
        on_progress("faces", len(crops), len(crops))
        to_onnx(network, provenance.input.side_px, given.out / ONNX)
        to_tflite(network, given.out / TFLITE)
        on_progress("networks", 2, 2)
    values = values_of(crops)
    onnx, tflite = onnx_run(given.out / ONNX), tflite_run(given.out / TFLITE)
    found = parity(network, crops, values, onnx, tflite)
    timings = {"onnx": timed(onnx, values[:1], given.runs)}
    timings["tflite"] = timed(tflite, values[:1], given.runs)
    _write(given, provenance, found, timings)
    _say(given.out, provenance, found, timings)


def _source(source: str, settings: Settings) -> tuple[Any, Provenance]:
    if source == FACENET.id:
        return facenet(settings)
    provenance = read(Path(source))
    with quiet():
        network = keras().models.load_model(Path(source) / NETWORK, compile=False)
    return network, provenance


def _crops(photos: Path, provenance: Provenance, settings: Settings) -> Views:
    given = provenance.input
    pixels = OnnxInput(
        given.side_px, given.layout, given.mean, given.std, given.alignment, given.margin
    )
    pictures = list(pictures_of(photos).items())
    evenly = np.linspace(0, len(pictures) - 1, min(len(pictures), _MOST_PHOTOS))
    some = dict(pictures[int(place)] for place in evenly)
    found = looking(settings).some(some, Crops(pixels, Level.NONE).maker())
    if not found:
        raise InvalidParameter("no face was found in these photos to compare the networks on")
    return np.stack([views[0] for views in found])


def _write(
    given: argparse.Namespace,
    provenance: Provenance,
    found: Parity,
    timings: Mapping[str, Timing],
) -> None:
    """The manifests only where the networks agree; older ones go first."""
    for name in (MANIFEST_NAME, TOML):
        (given.out / name).unlink(missing_ok=True)
    hashes = {name: sha256_file(given.out / name) for name in (ONNX, TFLITE)}
    said = {
        "converted_at": now(),
        "versions": versions(),
        "provenance": provenance.model_dump(mode="json"),
        "parity": {**asdict(found), "largest_allowed": LARGEST_DIFFERENCE},
        "one_thread": {name: asdict(timing) for name, timing in timings.items()},
        "bytes": {name: (given.out / name).stat().st_size for name in (ONNX, TFLITE)},
        "sha256s": hashes,
    }
    write_files(given.out, {"convert.json": as_json(said)})
    if not found.is_kept:
        raise ModelUnavailable(
            f"the converted networks answer differently (ONNX by {found.onnx:.1e}, TensorFlow Lite"
            f" by {found.tflite:.1e}): no manifest is written"
        )
    source = f"python -m training: {provenance.how}"
    files = {
        MANIFEST_NAME: manifest_json(provenance, ONNX, hashes[ONNX], source),
        TOML: manifest_toml(provenance, TFLITE, hashes[TFLITE], source),
    }
    write_files(given.out, files)


def _say(out: Path, provenance: Provenance, found: Parity, timings: Mapping[str, Timing]) -> None:
    differences = {"onnx": found.onnx, "tflite": found.tflite}
    rows = [
        [
            name,
            f"{(out / file).stat().st_size / 1e6:.2f}",
            f"{differences[name]:.1e}",
            f"{timings[name].median_ms:.2f}",
            f"{timings[name].p90_ms:.2f}",
        ]
        for name, file in (("onnx", ONNX), ("tflite", TFLITE))
    ]
    say(table(["", "MB", "difference", "median ms", "p90 ms"], rows))
    say([f"Compared with Keras on {found.faces} faces; timed on one thread of this machine"])
    if provenance.trained:
        say([f"The server loads {out} as MODEL_DIR/<id>; devices load {MANIFEST_NAME} or {TOML}"])
    else:
        say([f"Server and devices refuse it: {provenance.reason}"])
