"""An embedder's ONNX file with a projection after it, for a manifest of its own."""

from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelUnavailable
from core.files import write_atomic
from core.types import Matrix

_MATRIX, _PROJECTED = "kenal_projection", "kenal_projected"


def with_projection(backbone: Path, matrix: Matrix, target: Path) -> None:
    """Write `backbone` followed by `matrix` (d, dimensions) to `target`.

    It is linear, so the sum of a face's and its mirror image's answers comes out projected too.
    Raises ModelUnavailable where the network has not one output.
    """
    import onnx  # noqa: PLC0415 - with the networks' files only

    model: Any = onnx.load(str(backbone))
    graph = model.graph
    if len(graph.output) != 1:
        raise ModelUnavailable("the network has not one output that a projection could follow")
    last = graph.output[0].name
    flat, shape = f"{_PROJECTED}_from", f"{_PROJECTED}_shape"
    graph.initializer.extend(
        [
            onnx.numpy_helper.from_array(np.ascontiguousarray(matrix, np.float32), _MATRIX),
            onnx.numpy_helper.from_array(np.asarray([-1, matrix.shape[0]], np.int64), shape),
        ]
    )
    graph.node.extend(
        [
            onnx.helper.make_node("Reshape", [last, shape], [flat]),
            onnx.helper.make_node("MatMul", [flat, _MATRIX], [_PROJECTED]),
        ]
    )
    del graph.output[:]
    float32 = onnx.TensorProto.FLOAT
    graph.output.append(
        onnx.helper.make_tensor_value_info(_PROJECTED, float32, ["faces", matrix.shape[1]])
    )
    onnx.checker.check_model(model)
    write_atomic(target, model.SerializeToString())
