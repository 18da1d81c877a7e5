"""A video file or a folder of pictures, instead of a camera: for demonstrations and tests."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from edge.cameras.sources import CameraEndedError, CameraError, Picture
from edge.types import Frame, Pixels

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
PICTURES_PER_SECOND = 1.0
_RATE_WHERE_NONE_IS_SAID = 25.0


class FileSource:
    """Shows a file or folder at its own pace: what is late is skipped, as a camera would."""

    def __init__(
        self,
        path: Path,
        loop: bool = False,
        pace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._loop, self._pace = path, loop, pace
        self._clock, self._sleep = clock, sleep
        self._reel: Reel | None = None
        self._started = 0.0
        self._shown = 0

    def open(self) -> None:
        """Begins at the first picture, or raises CameraError."""
        self.close()
        self._reel = open_reel(self._path)
        self._started, self._shown = self._clock(), 0

    def read(self) -> Picture:
        """The picture that is due now."""
        if self._reel is None:
            raise CameraError("the file is not open")
        rate = self._reel.rate * self._pace
        while self._clock() - self._started >= (self._shown + 1) / rate:
            self._advance()
        image = self._next()
        self._sleep(max(0.0, self._started + self._shown / rate - self._clock()))
        self._shown += 1
        return Picture(image)

    def close(self) -> None:
        """Lets go of the file; may be called twice."""
        reel, self._reel = self._reel, None
        if reel is not None:
            reel.close()

    def _advance(self) -> None:
        if self._reel is not None and not self._reel.skip():
            self._restart()
        self._shown += 1

    def _next(self) -> Pixels:
        image = self._reel.next() if self._reel is not None else None
        if image is None:
            self._restart()
            image = self._reel.next() if self._reel is not None else None
        if image is None:
            raise CameraError("the file holds no picture")
        return image

    def _restart(self) -> None:
        if not self._loop:
            raise CameraEndedError
        self.open()


def every_frame(path: Path, started_at: float = 0.0) -> Iterator[Frame]:
    """Every picture as fast as it is asked for, on the file's own clock."""
    reel = open_reel(path)
    number = 0
    try:
        while (image := reel.next()) is not None:
            at = started_at + number / reel.rate
            yield Frame(image, number, captured_at=at, captured_monotonic=at)
            number += 1
    finally:
        reel.close()


class Reel:
    """Pictures one after another, `rate` a second."""

    rate: float

    def next(self) -> Pixels | None:
        """The next picture; None after the last."""
        raise NotImplementedError

    def skip(self) -> bool:
        """Passes one over; whether there was one."""
        return self.next() is not None

    def close(self) -> None:
        """Lets go of what it reads."""


class _Video(Reel):
    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise CameraError("the video file cannot be opened")
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or _RATE_WHERE_NONE_IS_SAID

    def next(self) -> Pixels | None:
        came, image = self._capture.read()
        return image.astype("uint8", copy=False) if came else None

    def skip(self) -> bool:
        return self._capture.grab()

    def close(self) -> None:
        self._capture.release()


class _Folder(Reel):
    rate = PICTURES_PER_SECOND

    def __init__(self, folder: Path) -> None:
        self._left = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)

    def next(self) -> Pixels | None:
        while self._left:
            image = cv2.imread(str(self._left.pop(0)), cv2.IMREAD_COLOR)
            if image is not None:
                return image.astype("uint8", copy=False)
        return None


def open_reel(path: Path) -> Reel:
    """The pictures of a video file or folder, or CameraError."""
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        raise CameraError("the video file is not there")
    return _Video(path)
