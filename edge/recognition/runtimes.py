"""What computes a network: ONNX Runtime or OpenCV for .onnx, TensorFlow Lite for .tflite.

None of them is imported before a network is loaded: a device has only what its network needs.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from edge.recognition.manifest import NetworkError
from edge.recognition.network import Vector

Run = Callable[[Vector], Vector]
"""From a batch of one to its vector; not for two threads at once."""

TFLITE = (
    "ai_edge_litert.interpreter",
    "tflite_runtime.interpreter",
    "tensorflow.lite.python.interpreter",
)
_HALVES = {"int8", "uint8"}


def onnx_run(content: bytes) -> Run:
    """Raises NetworkError where the bytes are no network."""
    try:
        has_runtime = importlib.util.find_spec("onnxruntime") is not None
        return _onnxruntime(content) if has_runtime else _opencv(content)
    except Exception:  # noqa: BLE001 - every library has errors of its own
        raise NetworkError("the network's file is no ONNX network that can be run here") from None


def tflite_run(content: bytes) -> Run:
    """Raises NetworkError where the bytes are no network, or nothing here computes it."""
    interpreter = _interpreter_class()
    try:
        network = interpreter(model_content=content, num_threads=1)
        network.allocate_tensors()
        (given,), (told, *_) = network.get_input_details(), network.get_output_details()
    except Exception:  # noqa: BLE001 - as above
        raise NetworkError(
            "the network's file is no TensorFlow Lite network of one input"
        ) from None
    _check_quantization(given)
    _check_quantization(told)

    def run(batch: Vector) -> Vector:
        network.set_tensor(given["index"], quantized(batch, given))
        network.invoke()
        return restored(network.get_tensor(told["index"])[0], told)

    return run


def quantized(values: Vector, tensor: Any) -> Any:
    """`values` as an input of this tensor's type."""
    kind = np.dtype(tensor["dtype"])
    if kind.name not in _HALVES:
        return values.astype(kind)
    scale, zero = tensor["quantization"]
    bounds = np.iinfo(kind)
    return np.clip(np.rint(values / scale) + zero, bounds.min, bounds.max).astype(kind)


def restored(values: Any, tensor: Any) -> Vector:
    """An output of this tensor's type as numbers."""
    if np.dtype(tensor["dtype"]).name not in _HALVES:
        return np.asarray(values, np.float32)
    scale, zero = tensor["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)


def _check_quantization(tensor: Any) -> None:
    name = np.dtype(tensor["dtype"]).name
    if name in _HALVES and not tensor["quantization"][0] > 0:
        raise NetworkError("the network takes or gives whole numbers and does not say their scale")
    if name not in {*_HALVES, "float32", "float16"}:
        raise NetworkError(
            f"the network takes or gives {name}: only float, int8 and uint8 are done"
        )


def _interpreter_class() -> Any:
    for name in TFLITE:
        try:
            return importlib.import_module(name).Interpreter
        except (ImportError, AttributeError):
            continue
    raise NetworkError("a .tflite network needs the package ai-edge-litert: install it")


def _onnxruntime(content: bytes) -> Run:
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: Vector) -> Vector:
        return np.asarray(session.run(None, {name: batch})[0][0], np.float32)

    return run


def _opencv(content: bytes) -> Run:
    network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))

    def run(batch: Vector) -> Vector:
        network.setInput(batch)
        return np.array(network.forward()[0], np.float32)

    return run
