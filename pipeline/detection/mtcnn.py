"""MTCNN as a detector, run by ONNX Runtime on networks made of the `mtcnn` package's weights."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.settings import Device
from core.types import Box, Face, Landmarks
from pipeline.detection.boxes import Boxes
from pipeline.detection.sampling import FastSampling, Sampling, scales_for
from pipeline.detection.stages import Stages
from pipeline.images.decode import Pixels
from pipeline.models.load_once import LoadOnce
from pipeline.models.onnx_runtime import open_network
from pipeline.models.weights import check_weights

LEAST_FACE_PX = 20
"""The smallest face the networks are made for; a smaller picture holds none."""
Locate = Callable[[], Sequence[tuple[Path, str]]]
"""Where the three networks lie, with their SHA-256; ModelUnavailable where they are not made."""


class MtcnnDetector(LoadOnce[Stages]):
    """Everything MTCNN finds at its own thresholds (confidence at least 0.8)."""

    id = "mtcnn"

    def __init__(
        self,
        locate: Locate,
        threads: int = 0,
        sampling: Sampling | None = None,
        device: Device = Device.CPU,
    ) -> None:
        super().__init__()
        self._locate, self._threads, self._device = locate, threads, device
        self._sampling = sampling or FastSampling()

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        """See Detector; raises ModelUnavailable and ModelError."""
        height, width = rgb.shape[:2]
        scales = scales_for(width, height, max(LEAST_FACE_PX, least_face_px))
        if not scales:
            return []
        stages = self.network()
        look = stages.largest if largest_only else stages.faces
        rows = look(rgb, scales, self._sampling)
        return [face for row in rows if (face := face_from_row(row)) is not None]

    def _load(self) -> Stages:
        networks = []
        for path, sha256 in self._locate():
            check_weights(path, sha256, "MTCNN")
            networks.append(open_network(path, self._threads, many_sizes=True, device=self._device))
        return Stages(*networks)


def face_from_row(row: Boxes) -> Face | None:
    """A face from a row of Stages.faces; None for a box without area, or numbers that are none."""
    x1, y1, x2, y2, confidence = (float(value) for value in row[:5])
    points = [(float(x), float(y)) for x, y in zip(row[5:10], row[10:15], strict=True)]
    if not np.isfinite(row).all() or x2 <= x1 or y2 <= y1:
        return None
    return Face(Box(x1, y1, x2 - x1, y2 - y1), min(1.0, confidence), Landmarks(*points))
