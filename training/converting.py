"""Keras networks as ONNX and TensorFlow Lite, and how far their answers are apart."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelUnavailable
from core.files import write_atomic
from core.types import Matrix
from pipeline.models.onnx_runtime import open_network
from training.keras_here import quiet, tensorflow
from training.looking import Views
from training.metric import embedded

ONNX, TFLITE = "network.onnx", "network.tflite"
LARGEST_DIFFERENCE = 1e-4
"""Of any number of two unit vectors."""
_OPSET = 17
Run = Callable[[Matrix], Matrix]
"""From a batch of one to its answer, (d,)."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far answers of unit length are from Keras's at most, over this many faces."""

    faces: int
    onnx: float
    tflite: float

    @property
    def is_kept(self) -> bool:
        return max(self.onnx, self.tflite) <= LARGEST_DIFFERENCE


def to_onnx(network: Any, side_px: int, target: Path) -> None:
    """For one face at a time, as it is served."""
    tf = tensorflow()
    with quiet():
        tf2onnx = import_module("tf2onnx")
        signature = (tf.TensorSpec((1, side_px, side_px, 3), tf.float32, name="input"),)
        model, _ = tf2onnx.convert.from_keras(network, signature, opset=_OPSET)
    write_atomic(target, model.SerializeToString())


def to_tflite(network: Any, target: Path) -> None:
    """In float32."""
    tf = tensorflow()
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    write_atomic(target, data)


def onnx_run(file: Path) -> Run:
    """On one thread; raises ModelUnavailable."""
    network = open_network(file, threads=1)
    return lambda batch: network.run(batch)[0].reshape(-1)


def tflite_run(file: Path) -> Run:
    """On one thread, by LiteRT where it is installed, else by TensorFlow."""
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = _interpreter_class()(model_path=str(file), num_threads=1)
        interpreter.allocate_tensors()
    (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(batch: Matrix) -> Matrix:
        interpreter.set_tensor(given["index"], batch)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(told["index"]), np.float32).reshape(-1)

    return run


def parity(network: Any, crops: Views, values: Matrix, onnx: Run, tflite: Run) -> Parity:
    """Compare on crops (n, side, side, 3); `values` are the same as the network takes them.

    Raises ModelUnavailable where a network gives no unit vector.
    """
    expected = embedded(network, values)
    differences = []
    for run in (onnx, tflite):
        answers = np.stack([run(values[at : at + 1]) for at in range(len(crops))])
        lengths = np.linalg.norm(answers, axis=1, keepdims=True)
        if not (np.isfinite(answers).all() and (np.abs(lengths - 1) < 1e-3).all()):
            raise ModelUnavailable("the converted network gives no vectors of unit length")
        differences.append(float(np.abs(answers - expected).max()))
    return Parity(len(crops), *differences)


def _interpreter_class() -> Any:
    try:
        return import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        return tensorflow().lite.Interpreter
