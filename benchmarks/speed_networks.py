"""FaceNet for timing: the real network where it is prepared, else random weights of its layout.

Random weights cost the same time and recognize nobody. They are kept beside the prepared networks,
but no service of this machine can choose them: only a folder of the benchmark's own names them.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.index_process import ROOT
from core.files import sha256_file
from core.settings import Settings
from pipeline.models.download import no_progress
from pipeline.models.entry import DETECTOR
from pipeline.models.prepare import prepare_entry
from pipeline.models.prepared import is_ready, network_file
from pipeline.models.registry import DLIB, FACENET, MOBILEFACENET
from pipeline.models.weights import has_weights

RANDOM = "facenet-random"
OTHERS = (DLIB.id, MOBILEFACENET.id)
_MAKE = """
import sys, h5py, keras
from keras.src.legacy.saving import legacy_h5_format
from keras_facenet.inception_resnet_v1 import InceptionResNetV1
keras.utils.set_random_seed(3)
with h5py.File(sys.argv[1], "w") as file:
    model = InceptionResNetV1(input_shape=(None, None, 3), classes=512)
    legacy_h5_format.save_weights_to_hdf5_group(file, model)
"""


@dataclass(frozen=True, slots=True)
class Networks:
    """`facenet` is the id to serve, `weights` the same numbers for Keras, `models` MODEL_DIR."""

    facenet: str
    weights: Path
    models: Path

    @property
    def is_random(self) -> bool:
        return self.facenet == RANDOM


def networks(settings: Settings, folder: Path) -> Networks:
    """Every network ready to be timed, by a MODEL_DIR made in `folder`."""
    kept = settings.models_path.absolute()
    for name in (DETECTOR, *OTHERS):
        _link(kept / name, folder / name)
    real = FACENET.files[0]
    if is_ready(FACENET, kept) and has_weights(kept, FACENET.id, real):
        _link(kept / FACENET.id, folder / FACENET.id)
        return Networks(FACENET.id, kept / FACENET.id / real.name, folder)
    weights, network = _random(kept)
    _describe(network, folder / RANDOM)
    return Networks(RANDOM, weights, folder)


def _random(kept: Path) -> tuple[Path, Path]:
    """Random weights and the network made of them, made once."""
    weights = kept / RANDOM / "random-weights.h5"
    if not weights.exists():
        weights.parent.mkdir(parents=True, exist_ok=True)
        made = weights.with_suffix(".part")
        command = [sys.executable, "-c", _MAKE, str(made)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
        made.replace(weights)
    pinned = replace(FACENET.files[0], name=weights.name, sha256=sha256_file(weights), url=None)
    entry = replace(FACENET, id=RANDOM, files=(pinned,))
    prepare_entry(entry, kept, no_progress)
    return weights, network_file(entry, kept)[0]


def _describe(network: Path, folder: Path) -> None:
    """The network as a custom one, with FaceNet's own input."""
    assert FACENET.pixels is not None
    _link(network, folder / "network.onnx")
    given = FACENET.pixels
    manifest = {
        "title": "FaceNet's layout with random weights, for timing only",
        "file": "network.onnx",
        "sha256": sha256_file(network),
        "license": "none",
        "input": {
            "side_px": given.side_px,
            "layout": given.layout,
            "mean": given.mean,
            "std": given.std,
            "alignment": given.alignment,
            "margin": given.margin,
        },
        "dimensions": FACENET.dimensions,
        "similarity": FACENET.similarity,
        "default_threshold": FACENET.default_threshold,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _link(target: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
