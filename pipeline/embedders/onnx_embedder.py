"""Any embedding network in ONNX form: aligned crops in, one vector a crop out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.errors import InvalidParameter, ModelError
from core.settings import Device
from core.types import Face, Matrix
from pipeline.embedders.embedder import checked_matrix, unit_rows
from pipeline.images.decode import Pixels
from pipeline.models.entry import ModelEntry
from pipeline.models.load_once import LoadOnce
from pipeline.models.network_input import Layout, crop, network_input
from pipeline.models.onnx_runtime import Floats, OnnxNetwork
from pipeline.models.optimized import open_network_of

Locate = Callable[[], tuple[Path, str]]
"""Where the network lies and its SHA-256; raises ModelUnavailable where it is not prepared."""


class OnnxEmbedder(LoadOnce[OnnxNetwork]):
    """Embeddings of unit length where the entry says so; with `mirror`, of the sum of a face's
    and its mirror image's. Raises InvalidParameter for an entry that states no input.
    """

    def __init__(
        self,
        entry: ModelEntry,
        locate: Locate,
        threads: int = 0,
        device: Device = Device.CPU,
    ) -> None:
        super().__init__()
        if entry.pixels is None:
            raise InvalidParameter(f"{entry.id} states no input of a network")
        self.spec = entry.spec()
        self.default_threshold = entry.default_threshold
        self._entry, self._pixels = entry, entry.pixels
        self._locate, self._threads, self._device = locate, threads, device

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        """See Embedder."""
        if not faces:
            return checked_matrix([], self.spec.dimensions)
        return self.embed_crops([crop(rgb, face, self._pixels) for face in faces])

    def embed_crops(self, crops: Sequence[Pixels]) -> Matrix:
        """Embeddings of aligned RGB crops, each (side, side, 3): shape (n, d)."""
        values = network_input(crops, self._pixels)
        answers = self._answers(values)
        if self._entry.mirror:
            width_axis = 3 if self._pixels.layout is Layout.NCHW else 2
            answers = answers + self._answers(np.ascontiguousarray(np.flip(values, width_axis)))
        rows = unit_rows(answers) if self._entry.unit_length else answers
        return checked_matrix(list(rows), self.spec.dimensions)

    def _answers(self, values: Floats) -> Floats:
        # One at a time: a face's embedding must not depend on its neighbors in a batch.
        network = self.network()
        answers = [network.run(values[i : i + 1])[0] for i in range(len(values))]
        if any(answer.size != self.spec.dimensions for answer in answers):
            raise ModelError("the network's answer has another number of dimensions")
        return np.stack([answer.reshape(-1) for answer in answers]).astype(np.float32)

    def _load(self) -> OnnxNetwork:
        path, sha256 = self._locate()
        return open_network_of(path, sha256, self._entry.title, self._threads, self._device)
