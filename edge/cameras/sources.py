"""What every kind of camera must be able to do; `live.LiveCamera` makes a `Camera` of it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import cv2

from edge.types import Pixels


class CameraError(OSError):
    """The camera gave no picture; says why, never with an address or password."""


class CameraEndedError(Exception):
    """A file or folder has been shown to its end."""


class Picture(NamedTuple):
    """One picture as it came, BGR."""

    image: Pixels
    large: Pixels | None = None
    at: float | None = None  # seconds by the camera's own clock, where it says


class Source(Protocol):
    """Blocking access to one camera, used by one thread."""

    def open(self) -> None:
        """Starts it, or raises CameraError."""

    def read(self) -> Picture:
        """Waits for the next picture; CameraError where it is lost, CameraEndedError at the end."""

    def close(self) -> None:
        """Lets go of it; may be called twice."""


class CaptureSource:
    """A camera that OpenCV reads."""

    def __init__(
        self,
        address: str | int,
        api: int,
        options: Sequence[int],
        name: str,
        *,
        has_times: bool = False,
    ) -> None:
        """`has_times`: it says when a picture was taken, by a clock of its own."""
        self._address, self._api, self._options, self._name = address, api, options, name
        self._has_times = has_times
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        """Opens it anew, or raises CameraError."""
        self.close()
        try:
            capture = _capture(self._address, self._api, self._options)
        except cv2.error:
            raise CameraError(f"{self._name} cannot be opened") from None
        if not capture.isOpened():
            capture.release()
            raise CameraError(f"{self._name} cannot be opened")
        self._capture = capture

    def read(self) -> Picture:
        """The next picture, or CameraError."""
        if self._capture is None:
            raise CameraError(f"{self._name} is not open")
        try:
            came, image = self._capture.read()
        except cv2.error:
            came, image = False, None
        if not came or image is None:
            raise CameraError(f"{self._name} gave no picture")
        at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 if self._has_times else None
        return Picture(image.astype("uint8", copy=False), at=at)

    def close(self) -> None:
        """Lets go of it; may be called twice."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def _capture(address: str | int, api: int, options: Sequence[int]) -> cv2.VideoCapture:
    # Two calls, because OpenCV declares them apart.
    if isinstance(address, int):
        return cv2.VideoCapture(address, api, list(options))
    return cv2.VideoCapture(address, api, list(options))
