"""MTCNN's three networks as ONNX graphs, from the weights of the `mtcnn` package.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks, 2016 (arXiv:1604.02878). Pixels go in as they are, 0 to 255, height before width before
channels; what comes out is described at each network.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Weights = Sequence[npt.NDArray[np.float32]]
_OPSET, _IR_VERSION = 17, 9
_MEAN, _SCALE = 127.5, 128.0
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
_BLOCK = 16
"""Channels that a processor's widest registers hold: convolutions of other counts are slow."""


class _Graph:
    """Nodes and constants in the order in which they are added; each gets a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[np.floating]) -> str:
        name = f"constant{len(self.constants)}"
        values = np.ascontiguousarray(value, dtype=np.float32)
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(
        self, kind: str, *inputs: str, output: str = "", options: Mapping[str, Any] = _NO_OPTIONS
    ) -> str:
        output = output or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def convolved(self, x: str, kernel: npt.NDArray[np.floating], bias: npt.ArrayLike) -> str:
        """`kernel` is (height, width, in, out), as Keras stores it."""
        weights = np.asarray(kernel).transpose(3, 2, 0, 1)
        constants = self.constant(weights), self.constant(np.asarray(bias))
        return self.add("Conv", x, *constants, options={"kernel_shape": weights.shape[2:]})

    def rectified(self, x: str, slopes: npt.NDArray[np.floating], axes: int) -> str:
        """PReLU, as a·x + (1 - a)·max(x, 0): its own operator takes several times as long."""
        slope = slopes.reshape(-1, *[1] * axes)
        positive = self.add("Mul", self.add("Relu", x), self.constant(1 - slope))
        return self.add("Add", self.add("Mul", x, self.constant(slope)), positive)

    def pooled(self, x: str, side: int, same: bool) -> str:
        padding = "SAME_UPPER" if same else "VALID"
        options = {"kernel_shape": [side, side], "strides": [2, 2], "auto_pad": padding}
        return self.add("MaxPool", x, options=options)

    def dense(self, x: str, weights: npt.NDArray[np.floating], bias: npt.ArrayLike) -> str:
        return self.add("Gemm", x, self.constant(weights), self.constant(np.asarray(bias)))

    def probabilities(self, scores: str) -> None:
        self.add("Softmax", scores, output="probabilities", options={"axis": 1})

    def model(self, shape: Sequence[int | str], outputs: Sequence[str]) -> onnx.ModelProto:
        given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
        answers = [helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in outputs]
        graph = helper.make_graph(self.nodes, "mtcnn", [given], answers, self.constants)
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)


def proposing(weights: Weights) -> onnx.ModelProto:
    """P-Net: (1, h, w, 3) to `offsets` (1, 4, rows, columns) and `probabilities`.

    Probabilities (1, 2, rows, columns) are of no face and of one, in the window of 12 pixels that
    begins at every second pixel.
    """
    graph = _Graph()
    first, second = _widened(_normalized(weights[0:3]), weights[3:6])
    x = graph.pooled(_layer(graph, _channels_first(graph), first), 2, same=True)
    x = _layer(graph, _layer(graph, x, second), weights[6:9])
    graph.add("Identity", graph.convolved(x, *weights[9:11]), output="offsets")
    scores = graph.convolved(x, *weights[11:13])
    graph.probabilities(scores)
    return graph.model([1, "height", "width", 3], ["offsets", "probabilities"])


def refining(weights: Weights) -> onnx.ModelProto:
    """R-Net: crops (n, 24, 24, 3) to `offsets` (n, 4) and `probabilities` (n, 2)."""
    graph = _Graph()
    first, second = _widened(_normalized(weights[0:3]), weights[3:6])
    x = graph.pooled(_layer(graph, _channels_first(graph), first), 3, same=True)
    x = graph.pooled(_layer(graph, x, second), 3, same=False)
    x = _flat(graph, _layer(graph, x, weights[6:9]), weights[9:12], side=3)
    graph.add("Identity", graph.dense(x, *weights[12:14]), output="offsets")
    graph.probabilities(graph.dense(x, *weights[14:16]))
    return graph.model(["faces", 24, 24, 3], ["offsets", "probabilities"])


def deciding(weights: Weights) -> onnx.ModelProto:
    """O-Net: crops (n, 48, 48, 3) to `offsets` (n, 4), `probabilities` (n, 2) and `landmarks`.

    Landmarks (n, 10) are five x and five y, as parts of the crop's sides.
    """
    graph = _Graph()
    x = _layer(graph, _channels_first(graph), _normalized(weights[0:3]))
    x = graph.pooled(_layer(graph, graph.pooled(x, 3, same=True), weights[3:6]), 3, same=False)
    x = graph.pooled(_layer(graph, x, weights[6:9]), 2, same=True)
    x = _flat(graph, _layer(graph, x, weights[9:12]), weights[12:15], side=3)
    graph.add("Identity", graph.dense(x, *weights[15:17]), output="offsets")
    graph.probabilities(graph.dense(x, *weights[19:21]))
    graph.add("Identity", graph.dense(x, *weights[17:19]), output="landmarks")
    return graph.model(["faces", 48, 48, 3], ["offsets", "probabilities", "landmarks"])


def _channels_first(graph: _Graph) -> str:
    return graph.add("Transpose", "pixels", options={"perm": [0, 3, 1, 2]})


def _normalized(layer: Weights) -> Weights:
    """The layer for pixels of 0 to 255 instead of (pixel - 127.5) / 128."""
    kernel, bias, slopes = (np.asarray(values, dtype=np.float64) for values in layer)
    bias = bias - (_MEAN / _SCALE) * kernel.sum(axis=(0, 1, 2))
    return [values.astype(np.float32) for values in (kernel / _SCALE, bias, slopes)]


def _widened(layer: Weights, following: Weights) -> tuple[Weights, Weights]:
    """The same two layers with channels of nothing between them, up to a whole block."""
    more = -layer[1].size % _BLOCK
    out = [(0, more)]
    wider = [np.pad(values, [(0, 0)] * (values.ndim - 1) + out) for values in layer]
    kernel = np.pad(following[0], [(0, 0), (0, 0), (0, more), (0, 0)])
    return wider, [kernel, *following[1:]]


def _layer(graph: _Graph, x: str, layer: Weights) -> str:
    return graph.rectified(graph.convolved(x, *layer[:2]), layer[2], axes=2)


def _flat(graph: _Graph, x: str, layer: Weights, side: int) -> str:
    """A dense layer on (channels, side, side), which Keras flattens by column, row, channel."""
    kernel, bias, slopes = layer
    by_channel = kernel.reshape(side, side, -1, kernel.shape[1]).transpose(2, 1, 0, 3)
    dense = graph.dense(graph.add("Flatten", x), by_channel.reshape(kernel.shape), bias)
    return graph.rectified(dense, slopes, axes=0)
