"""A small network, and what is kept of it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.files import sha256_file
from pipeline.models.onnx_runtime import open_network
from pipeline.models.optimized import keep_optimized, open_network_of, optimized_files

SIDE_PX = 16
TITLE = "the test's network"


def make_network(path: Path, seed: int = 0, scale: float = 1.0) -> str:
    """A small convolution with a bias, of other numbers for each seed; its SHA-256."""
    random = np.random.default_rng(seed)
    filters = (random.normal(size=(8, 3, 3, 3)) * scale).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "filters"], ["found"]),
        helper.make_node("Relu", ["found"], ["kept"]),
        helper.make_node("GlobalAveragePool", ["kept"], ["means"]),
        helper.make_node("Flatten", ["means"], ["answer"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE_PX, 16])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 8])
    constants = [numpy_helper.from_array(filters, "filters")]
    graph = helper.make_graph(nodes, "small", [picture], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)
    return sha256_file(path)


def keep(network: Path) -> tuple[Path, Path]:
    """The record and the graph that are kept now."""
    keep_optimized(network, sha256_file(network), TITLE)
    record, graph = optimized_files(network, sha256_file(network))
    return record, graph


def answer_of(network: Path) -> np.ndarray:
    return open_network_of(network, sha256_file(network), TITLE).run_probe()[0]


def own_answer(network: Path) -> np.ndarray:
    return open_network(network).run_probe()[0]
