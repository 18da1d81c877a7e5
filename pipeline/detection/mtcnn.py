"""MTCNN by the `mtcnn` package, run by TensorFlow.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks, 2016 (arXiv:1604.02878).
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ModelError, ModelUnavailable
from core.types import Box, Face, Landmarks
from pipeline.detection.native_noise import silence_tensorflow, without_banners
from pipeline.detection.proposals import BestRefined, Proposals
from pipeline.images.decode import Pixels
from pipeline.models.load_once import LoadOnce
from pipeline.models.weights import WeightsFile, checked_weights_path

LEAST_SIDE_PX = 20
"""The smallest face the network is made for; a smaller picture holds none."""


class MtcnnDetector(LoadOnce[Any]):
    """Everything MTCNN finds at its own default thresholds (confidence at least 0.8).

    Of what large pictures hold, faces well below `least_face_px` need not be found.
    """

    id = "mtcnn"

    def __init__(self, weights: Sequence[WeightsFile], least_face_px: int) -> None:
        super().__init__()
        self._weights = weights
        self._least_face_px = least_face_px
        # Its stages keep no state, but one picture at a time keeps memory bounded.
        self._running = threading.Lock()

    def detect(self, rgb: Pixels) -> list[Face]:
        """See Detector; raises ModelUnavailable and ModelError."""
        if min(rgb.shape[:2]) < LEAST_SIDE_PX:
            return []
        network = self.network()
        try:
            with self._running:
                # As numbers, since its JSON form rounds to whole pixels.
                rows = network.detect_faces(
                    rgb, fit_to_image=False, box_format="xyxy", output_type="numpy"
                )
        except (ValueError, RuntimeError, IndexError) as error:
            raise ModelError("the face detector failed on this picture") from error
        return [face for row in rows if (face := face_from_row(row)) is not None]

    def _load(self) -> Any:
        # By full path: given a name alone the package would first try the working directory.
        paths = [str(checked_weights_path(file, "MTCNN")) for file in self._weights]
        try:
            silence_tensorflow()
            with without_banners():
                return _network(paths, self._least_face_px)
        except (ImportError, OSError, ValueError) as error:
            raise ModelUnavailable("the face detector MTCNN could not be loaded") from error


def _network(paths: Sequence[str], least_face_px: int) -> Any:
    # Seconds of TensorFlow, and never before a fork.
    from mtcnn import MTCNN  # noqa: PLC0415
    from mtcnn.stages import StageONet, StagePNet, StageRNet  # noqa: PLC0415
    from mtcnn.utils.bboxes import generate_bounding_box  # noqa: PLC0415
    from mtcnn.utils.images import scale_images  # noqa: PLC0415

    proposing, refining, deciding = paths
    first = StagePNet(weights=proposing).model
    proposals = Proposals(first, scale_images, generate_bounding_box, least_face_px)
    refined = BestRefined(StageRNet(weights=refining))
    return MTCNN(stages=[proposals, refined, StageONet(weights=deciding)])


def face_from_row(row: npt.NDArray[np.floating]) -> Face | None:
    """A face from MTCNN's row: picture, x1, y1, x2, y2, confidence, five x, five y; shape (16,).

    None for a box without area and for numbers that are none.
    """
    x1, y1, x2, y2, confidence = (float(value) for value in row[1:6])
    points = [(float(x), float(y)) for x, y in zip(row[6:11], row[11:16], strict=True)]
    if not np.isfinite(row).all() or x2 <= x1 or y2 <= y1:
        return None
    return Face(Box(x1, y1, x2 - x1, y2 - y1), min(1.0, confidence), Landmarks(*points))
