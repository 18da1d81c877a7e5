"""dlib's face recognition network, with the weights of the package `face_recognition_models`.

D. King, dlib_face_recognition_resnet_model_v1, 2017. Trained on Euclidean distance.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import ModelError, ModelUnavailable
from core.types import Face, Matrix, Vector
from pipeline.embedders.align import dlib_square
from pipeline.embedders.embedder import checked_matrix
from pipeline.images.decode import Pixels
from pipeline.models.entry import ModelEntry
from pipeline.models.load_once import LoadOnce
from pipeline.models.weights import checked_weights_path

CHIP_SIDE_PX = 150
CHIP_PADDING = 0.25


@dataclass(frozen=True, slots=True)
class _Networks:
    dlib: Any
    predictor: Any
    recognizer: Any


class DlibEmbedder(LoadOnce[_Networks]):
    """128-d embeddings at about 1.5 length, compared by Euclidean distance."""

    def __init__(self, entry: ModelEntry) -> None:
        super().__init__()
        self.spec = entry.spec()
        self.default_threshold = entry.default_threshold
        self._entry = entry
        # dlib's networks hold their activations: two threads in one would mix two faces.
        self._running = threading.Lock()

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        """See Embedder."""
        networks = self.network() if faces else None
        rows = [self._embed_one(networks, rgb, face) for face in faces if networks]
        return checked_matrix(rows, self.spec.dimensions)

    def _embed_one(self, networks: _Networks, rgb: Pixels, face: Face) -> Vector:
        dlib = networks.dlib
        try:
            with self._running:
                points = networks.predictor(rgb, dlib.rectangle(*dlib_square(face)))
                chip = dlib.get_face_chip(rgb, points, CHIP_SIDE_PX, CHIP_PADDING)
                answer = networks.recognizer.compute_face_descriptor(chip)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError("dlib failed on this face") from error
        return np.asarray(answer, dtype=np.float32)

    def _load(self) -> _Networks:
        title = self._entry.title
        recognizer, predictor = (checked_weights_path(file, title) for file in self._entry.files)
        try:
            import dlib  # noqa: PLC0415 - native code of 10 MB: not before it is needed

            return _Networks(
                dlib,
                dlib.shape_predictor(str(predictor)),
                dlib.face_recognition_model_v1(str(recognizer)),
            )
        except (ImportError, RuntimeError) as error:
            raise ModelUnavailable("dlib could not be loaded") from error
