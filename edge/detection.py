"""Faces in a frame: YuNet, or OpenCV's Haar cascade where no network was given."""

import hashlib
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.types import Face, Landmarks, Pixels, Point

YUNET_SHA256 = {
    "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31": "yunet_n_640",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4": "yunet_s_640",
}
"""The networks that were tried; the second is OpenCV Zoo's face_detection_yunet_2023mar.onnx."""

SEARCH_PX = 320
"""The longer side of what is searched: a face at a door is large, and half the side is a fourth
of the work."""

_NMS_THRESHOLD = 0.3
_MOST_FACES = 50
_HAAR = "haarcascade_frontalface_default.xml"


class DetectorError(Exception):
    """Faces cannot be looked for; says what to do, and no path."""


class Detector(Protocol):
    """Finds faces."""

    def find(self, image: Pixels) -> list[Face]:
        """The faces of a BGR picture, in its pixels, most confident first."""


class YuNet:
    """YuNet (Wu, Peng and Yu, 2023) in OpenCV; not for two threads at once."""

    def __init__(
        self, model: Path, least_confidence: float = 0.7, search_px: int = SEARCH_PX
    ) -> None:
        """Raises DetectorError where the file is not one of `YUNET_SHA256`."""
        check_model(model, YUNET_SHA256)
        self._search_px = search_px
        self._network = cv2.FaceDetectorYN.create(
            str(model), "", (search_px, search_px), least_confidence, _NMS_THRESHOLD, _MOST_FACES
        )

    def find(self, image: Pixels) -> list[Face]:
        """The faces of a BGR picture, in its pixels, most confident first."""
        height, width = image.shape[:2]
        reduced = min(1.0, self._search_px / max(height, width))
        size = max(1, round(width * reduced)), max(1, round(height * reduced))
        if size != (width, height):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        self._network.setInputSize(size)
        _, rows = self._network.detect(image)
        scale = np.asarray([width / size[0], height / size[1]] * 7)
        found = [] if rows is None else [_face(row[:14] * scale, float(row[14])) for row in rows]
        return sorted(found, key=lambda face: -face.confidence)


class Haar:
    """OpenCV's cascade for faces from the front; its landmarks are only where most faces' are."""

    def __init__(self) -> None:
        """Raises DetectorError on an OpenCV without cascades, as 5.0 is."""
        # Neither is in the type stubs of OpenCV 5.
        cascade = getattr(cv2, "CascadeClassifier", None)
        folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
        if cascade is None:
            raise DetectorError(
                "this OpenCV has no Haar cascade: give a YuNet network as detector.model"
            )
        self._cascade: Any = cascade(folder + _HAAR)
        if self._cascade.empty():
            raise DetectorError("OpenCV's Haar cascade is not there: give detector.model")

    def find(self, image: Pixels) -> list[Face]:
        """The faces of a BGR picture, in its pixels; a cascade has no confidence but yes."""
        gray = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        least = max(24, min(image.shape[:2]) // 12)
        boxes = self._cascade.detectMultiScale(gray, 1.2, 5, minSize=(least, least))
        return [_of_box(*(float(side) for side in box)) for box in boxes]


def detector(
    model: Path | None, least_confidence: float = 0.7, search_px: int = SEARCH_PX
) -> Detector:
    """YuNet where its file is given, else Haar; raises DetectorError."""
    return Haar() if model is None else YuNet(model, least_confidence, search_px)


def check_model(model: Path, known: dict[str, str]) -> None:
    """Raises DetectorError where the file's SHA-256 is none of `known`."""
    try:
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError:
        raise DetectorError("the network's file cannot be read") from None
    if digest not in known:
        wanted = ", ".join(sorted(known.values()))
        raise DetectorError(f"the network's file is none of {wanted}: load it again")


def _face(numbers: "np.ndarray[Any, Any]", confidence: float) -> Face:
    x, y, width, height = (float(number) for number in numbers[:4])
    # YuNet begins with the person's right eye, which is left for the viewer.
    points = [(float(px), float(py)) for px, py in numbers[4:].reshape(5, 2)]
    return Face((x, y, width, height), _landmarks(points), confidence)


def _of_box(x: float, y: float, width: float, height: float) -> Face:
    usual = [(0.31, 0.40), (0.69, 0.40), (0.50, 0.60), (0.35, 0.78), (0.65, 0.78)]
    points = [(x + across * width, y + down * height) for across, down in usual]
    return Face((x, y, width, height), _landmarks(points), 1.0)


def _landmarks(points: list[Point]) -> Landmarks:
    left_eye, right_eye, nose, mouth_left, mouth_right = points
    return left_eye, right_eye, nose, mouth_left, mouth_right
