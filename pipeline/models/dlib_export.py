"""dlib's face recognition network from its own file to ONNX, in a process of its own.

`python -m pipeline.models.dlib_export DIRECTORY RECOGNIZER PREDICTOR` writes DIRECTORY/network.onnx
and prints the largest difference between its answers and dlib's. Landmarks stay dlib's own work:
nothing is made of its PREDICTOR.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.models.dlib_weights import (
    DIMENSIONS,
    SIDE_PX,
    STEM_KERNEL,
    Convolution,
    Floats,
    Weights,
    read_weights,
)
from pipeline.models.onnx_runtime import open_network

NETWORK_NAME = "network.onnx"
INPUT, OUTPUT = "crops", "embeddings"
_OPSET = 17
_IR_VERSION = 9
_RANGE = 256.0
_PROBES_OF_A_KIND = 4

Chips = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]
Attributes = Mapping[str, Any]


def export(recognizer: Path, network: Path) -> float:
    """Convert, and return how far the two networks' answers differ on made-up faces at most."""
    network.write_bytes(network_of(read_weights(recognizer)).SerializeToString())
    return largest_difference(recognizer, network, probes())


def largest_difference(recognizer: Path, network: Path, chips: Chips) -> float:
    """Between dlib's answers for RGB chips (n, 150, 150, 3) and the exported network's."""
    import dlib  # noqa: PLC0415 - native code of 10 MB, only to compare with

    theirs = dlib.face_recognition_model_v1(str(recognizer))
    expected = [np.asarray(theirs.compute_face_descriptor(chip)) for chip in chips]
    ours = open_network(network).run_named({INPUT: chips})[0]
    return float(np.abs(ours - np.stack(expected)).max())


def probes() -> Chips:
    """Noise, and shapes as smooth as a face; the same ones every time."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (_PROBES_OF_A_KIND, SIDE_PX, SIDE_PX, 3))
    coarse = random.integers(0, 256, (_PROBES_OF_A_KIND, 6, 6, 3)).astype(np.uint8)
    size = (SIDE_PX, SIDE_PX)
    smooth = [cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC) for picture in coarse]
    return np.concatenate([noise, np.stack(smooth)]).astype(np.uint8)


def network_of(weights: Weights) -> onnx.ModelProto:
    """The network in ONNX: uint8 RGB crops (n, 150, 150, 3) in, float32 (n, 128) out."""
    graph = _Graph()
    value = graph.add("Cast", [INPUT], {"to": TensorProto.FLOAT})
    value = graph.add("Transpose", [value], {"perm": [0, 3, 1, 2]})
    value = graph.convolved(value, weights.stem, *_of_raw_pixels(weights))
    value = graph.add("Relu", [value])
    value = graph.add("MaxPool", [value], {"kernel_shape": [3, 3], "strides": [2, 2]})
    side = _halved(_halved(SIDE_PX, STEM_KERNEL), 3)
    for block in weights.blocks:
        value = graph.block(value, block, side)
        side //= block[0].stride
    value = graph.add("GlobalAveragePool", [value])
    value = graph.add("Flatten", [value])
    graph.add("MatMul", [value, graph.constant(weights.projection)], name=OUTPUT)
    return graph.model()


def _halved(side: int, window: int) -> int:
    return (side - window) // 2 + 1


def _folded(convolution: Convolution) -> tuple[Doubles, Doubles]:
    """Filters and biases that scale and shift by themselves."""
    scale = convolution.scale.astype(np.float64)
    filters = convolution.filters * scale[:, None, None, None]
    return filters, convolution.biases * scale + convolution.shift


def _of_raw_pixels(weights: Weights) -> tuple[Doubles, Doubles]:
    """The first convolution, which takes pixels as they are: it is not padded, so that mean and
    range are the same under every pixel of every window.
    """
    filters, biases = _folded(weights.stem)
    filters /= _RANGE
    return filters, biases - filters.sum(axis=(2, 3)) @ np.asarray(weights.mean)


class _Graph:
    """Nodes and constants as they are added, each value named by its number."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        attributes: Attributes | None = None,
        name: str = "",
    ) -> str:
        """One operator; the name of its answer."""
        output = name or f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **(attributes or {})))
        return output

    def constant(self, values: Floats | npt.NDArray[np.int64]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def convolved(
        self, value: str, convolution: Convolution, filters: Doubles, biases: Doubles
    ) -> str:
        constants = [self.constant(part.astype(np.float32)) for part in (filters, biases)]
        stride, padding = convolution.stride, convolution.padding
        attributes = {"strides": [stride] * 2, "pads": [padding] * 4}
        return self.add("Conv", [value, *constants], attributes)

    def block(self, value: str, block: tuple[Convolution, Convolution], side: int) -> str:
        first, second = block
        found = self.convolved(value, first, *_folded(first))
        found = self.add("Relu", [found])
        found = self.convolved(found, second, *_folded(second))
        if first.stride > 1:
            found, value = self._of_one_shape(found, value, first, side)
        return self.add("Relu", [self.add("Add", [found, value])])

    def _of_one_shape(
        self, found: str, value: str, first: Convolution, side: int
    ) -> tuple[str, str]:
        """A block that halves adds what was found to the averages of its input; where one has
        fewer channels, rows or columns, dlib takes zeros.
        """
        value = self.add("AveragePool", [value], {"kernel_shape": [2, 2], "strides": [2, 2]})
        filters, channels = first.filters.shape[:2]
        value = self._padded(value, filters - channels, 0)
        return self._padded(found, 0, side // 2 - _halved(side, 3)), value

    def _padded(self, value: str, channels: int, pixels: int) -> str:
        if not channels and not pixels:
            return value
        ends = np.asarray([0, 0, 0, 0, 0, channels, pixels, pixels], dtype=np.int64)
        return self.add("Pad", [value, self.constant(ends)])

    def model(self) -> onnx.ModelProto:
        crops = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", SIDE_PX, SIDE_PX, 3])
        embeddings = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", DIMENSIONS])
        graph = helper.make_graph(
            self._nodes, "dlib_resnet", [crops], [embeddings], self._constants
        )
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


if __name__ == "__main__":
    target, recognizer = Path(sys.argv[1]), Path(sys.argv[2])
    difference = export(recognizer, target / NETWORK_NAME)
    sys.stdout.write(f"{difference!r}\n")
