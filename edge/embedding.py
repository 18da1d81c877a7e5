"""Faces as vectors on the device: MobileFaceNet on ONNX Runtime, or on OpenCV where that is not."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.detection import check_model
from edge.types import Landmarks, Pixels

MOBILEFACENET_SHA256 = {
    "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507": "MobileFaceNet"
}
"""github.com/foamliu/MobileFaceNet at a6cc9032, weights/MobileFaceNet.onnx, Apache-2.0."""

MOBILEFACENET_THRESHOLD = 0.49
"""The cosine from which two faces are one person's, as the server has it for this network."""

SIDE_PX = 112
# Where the landmarks stand in a 112 px picture; J. Deng et al., ArcFace, 2019 (insightface).
_POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
           (70.7299, 92.2041))  # fmt: skip
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

Vector = npt.NDArray[np.float32]
Run = Callable[[Vector], Vector]


class MobileFaceNet:
    """128 numbers of unit length a face; not for two threads at once."""

    def __init__(self, model: Path, *, with_opencv: bool = False) -> None:
        """Raises `detection.DetectorError` where the file is not the network that was tried."""
        check_model(model, MOBILEFACENET_SHA256)
        has_runtime = importlib.util.find_spec("onnxruntime") is not None
        self._run = _onnxruntime(model) if has_runtime and not with_opencv else _opencv(model)

    def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
        """The face of a BGR picture as a unit vector, (128,)."""
        batch = network_input(aligned(image, landmarks))
        # The sum with the mirrored face is what the network's authors compare.
        vector = self._run(batch) + self._run(np.ascontiguousarray(batch[..., ::-1]))
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def aligned(image: Pixels, landmarks: Landmarks) -> Pixels:
    """The face turned and scaled so that its landmarks fall on ArcFace's, (112, 112, 3)."""
    transform = similarity_transform(np.asarray(landmarks), np.asarray(_POINTS))
    return cv2.warpAffine(image, transform, (SIDE_PX, SIDE_PX)).astype(np.uint8)


def network_input(bgr: Pixels) -> Vector:
    """An aligned face as the network takes it, (1, 3, 112, 112)."""
    rgb = bgr[:, :, ::-1].astype(np.float32) / 255
    normal = (rgb - np.asarray(_MEAN, np.float32)) / np.asarray(_DEVIATION, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)


def similarity_transform(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The least-squares similarity without reflection from (n, 2) to (n, 2); Umeyama, 1991."""
    # As complex numbers it is one multiplication and one addition.
    z, w = source @ np.asarray([1, 1j]), target @ np.asarray([1, 1j])
    centered = z - z.mean()
    spread = max(float(np.sum(np.abs(centered) ** 2)), 1e-9)
    turn = np.sum((w - w.mean()) * centered.conj()) / spread
    shift = w.mean() - turn * z.mean()
    return np.asarray([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _onnxruntime(model: Path) -> Run:
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: Vector) -> Vector:
        return np.asarray(session.run(None, {name: batch})[0][0], np.float32)

    return run


def _opencv(model: Path) -> Run:
    network = cv2.dnn.readNetFromONNX(str(model))

    def run(batch: Vector) -> Vector:
        network.setInput(batch)
        return np.array(network.forward()[0], np.float32)

    return run
