"""FaceNet from keras-facenet's weights to ONNX, in a process of its own.

`python -m pipeline.models.facenet_export FOLDER WEIGHTS` writes FOLDER/network.onnx and prints the
largest difference between its answers and Keras's. Only this process imports TensorFlow for it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.onnx_runtime import Floats, open_network

SIDE_PX = 160
_OPSET = 17
_PROBES = 4
_DIMENSIONS = 512


def export(weights: Path, network: Path) -> float:
    """Convert, and return how far the two networks' answers differ on random crops at most."""
    # Heavy, and the reason why this runs in a process of its own.
    import tensorflow as tf  # noqa: PLC0415
    import tf2onnx  # noqa: PLC0415

    model = keras_model(weights)
    signature = (tf.TensorSpec((None, SIDE_PX, SIDE_PX, 3), tf.float32, name="input"),)
    tf2onnx.convert.from_keras(model, signature, opset=_OPSET, output_path=str(network))
    probes = np.random.default_rng(0).uniform(-1, 1, (_PROBES, SIDE_PX, SIDE_PX, 3))
    values = probes.astype(np.float32)
    expected: Floats = np.asarray(model(values, training=False))
    return float(np.abs(open_network(network).run(values)[0] - expected).max())


def keras_model(weights: Path) -> Any:
    """keras-facenet's own network with the given weights, without its downloader."""
    from keras_facenet.inception_resnet_v1 import InceptionResNetV1  # noqa: PLC0415

    model = InceptionResNetV1(input_shape=(None, None, 3), classes=_DIMENSIONS)
    model.load_weights(str(weights))
    return model


if __name__ == "__main__":
    difference = export(Path(sys.argv[2]), Path(sys.argv[1]) / "network.onnx")
    sys.stdout.write(f"{difference!r}\n")
