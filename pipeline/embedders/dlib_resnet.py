"""dlib's face recognition network, its landmarks by dlib, its convolutions by ONNX Runtime.

D. King, dlib_face_recognition_resnet_model_v1, 2017, as the package `face_recognition_models` has
it; trained on Euclidean distance.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import ModelError, ModelUnavailable
from core.settings import Device
from core.types import Face, Matrix, Vector
from pipeline.embedders.align import dlib_square
from pipeline.embedders.embedder import checked_matrix
from pipeline.embedders.onnx_embedder import Locate
from pipeline.images.decode import Pixels
from pipeline.models.entry import ModelEntry
from pipeline.models.load_once import LoadOnce
from pipeline.models.onnx_runtime import Floats, OnnxNetwork
from pipeline.models.optimized import open_network_of
from pipeline.models.weights import checked_weights_path

CHIP_SIDE_PX = 150
CHIP_PADDING = 0.25


@dataclass(frozen=True, slots=True)
class _Networks:
    dlib: Any
    predictor: Any
    recognizer: OnnxNetwork


class DlibEmbedder(LoadOnce[_Networks]):
    """128-d embeddings at about 1.5 length, compared by Euclidean distance.

    Of the entry's files only the second, the landmark predictor, is read: `locate` gives the
    network that was made from the first.
    """

    def __init__(
        self,
        entry: ModelEntry,
        locate: Locate,
        threads: int = 0,
        device: Device = Device.CPU,
    ) -> None:
        super().__init__()
        self.spec = entry.spec()
        self.default_threshold = entry.default_threshold
        self._entry, self._locate, self._threads = entry, locate, threads
        self._device = device
        # Nothing says that two threads may ask one predictor at once.
        self._cutting = threading.Lock()

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        """See Embedder."""
        rows = [self._embed_one(rgb, face) for face in faces]
        return checked_matrix(rows, self.spec.dimensions)

    def _embed_one(self, rgb: Pixels, face: Face) -> Vector:
        networks = self.network()
        # One at a time: a run of many faces would save a fifth of the time and hold all of them.
        answer: Floats = networks.recognizer.run(self._chip(networks, rgb, face)[None])[0]
        return answer.reshape(-1)

    def _chip(self, networks: _Networks, rgb: Pixels, face: Face) -> Any:
        """The face turned upright, uint8 (150, 150, 3)."""
        dlib = networks.dlib
        try:
            with self._cutting:
                points = networks.predictor(rgb, dlib.rectangle(*dlib_square(face)))
                return np.asarray(dlib.get_face_chip(rgb, points, CHIP_SIDE_PX, CHIP_PADDING))
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError("dlib failed on this face") from error

    def _load(self) -> _Networks:
        title = self._entry.title
        predictor = checked_weights_path(self._entry.files[1], title)
        try:
            import dlib  # noqa: PLC0415 - native code of 10 MB: not before it is needed

            shapes = dlib.shape_predictor(str(predictor))
        except (ImportError, RuntimeError) as error:
            raise ModelUnavailable("dlib could not be loaded") from error
        network, sha256 = self._locate()
        recognizer = open_network_of(network, sha256, title, self._threads, self._device)
        return _Networks(dlib, shapes, recognizer)
