"""MTCNN from the weights of the `mtcnn` package to ONNX, in a process of its own.

`python -m pipeline.models.mtcnn_export FOLDER PNET RNET ONET` writes proposing.onnx, refining.onnx
and deciding.onnx, and prints how far their answers are from the package's own networks at most.
Only this process imports TensorFlow for it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx

from pipeline.models.mtcnn_graphs import Weights, deciding, proposing, refining
from pipeline.models.onnx_runtime import Floats, open_network

GRAPHS: Sequence[tuple[str, Callable[[Weights], onnx.ModelProto], tuple[int, ...]]] = (
    ("proposing", proposing, (1, 45, 62, 3)),
    ("refining", refining, (8, 24, 24, 3)),
    ("deciding", deciding, (8, 48, 48, 3)),
)
"""A network's name, its graph, and the shape of the noise that it is tried on."""


def export(folder: Path, sources: Sequence[Path]) -> float:
    """Convert, and return how far the networks' answers differ on random pixels at most."""
    random = np.random.default_rng(0)
    differences = []
    for (name, graph, shape), source, theirs in zip(GRAPHS, sources, _networks(), strict=True):
        weights = joblib.load(source)
        onnx.save(graph(weights), folder / f"{name}.onnx")
        pixels = random.uniform(0, 255, shape).astype(np.float32)
        expected = _answers(theirs, weights, (pixels - np.float32(127.5)) / np.float32(128))
        ours = open_network(folder / f"{name}.onnx").run(pixels)
        differences += [float(np.abs(a - b).max()) for a, b in zip(ours, expected, strict=True)]
    return max(differences)


def _networks() -> list[Any]:
    # Heavy, and the reason why this runs in a process of its own.
    from mtcnn.network.onet import ONet  # noqa: PLC0415
    from mtcnn.network.pnet import PNet  # noqa: PLC0415
    from mtcnn.network.rnet import RNet  # noqa: PLC0415

    return [PNet(), RNet(), ONet()]


def _answers(network: Any, weights: Weights, values: Floats) -> list[Floats]:
    """The package's answers in our order: offsets, probabilities, landmarks; channels first."""
    network.build()
    network.set_weights(weights)
    offsets, *between, probabilities = (np.asarray(answer) for answer in network(values))
    found = [offsets, probabilities, *between]
    return [np.moveaxis(answer, -1, 1) for answer in found]


if __name__ == "__main__":
    difference = export(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
    sys.stdout.write(f"{difference!r}\n")
