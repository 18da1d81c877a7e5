"""The Raspberry Pi's own camera, with two sizes of one moment.

Not tried on a Raspberry Pi by the tests: they use a camera of their own in picamera2's place.
"""

import importlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from edge.cameras.sources import CameraError, Picture

Size = tuple[int, int]


class PiSource:
    """picamera2: `small` is for detection, `large` for what is sent."""

    def __init__(
        self,
        small: Size = (640, 480),
        large: Size = (1920, 1440),
        make: Callable[[], Any] | None = None,
    ) -> None:
        self._small, self._large = small, large
        self._make = make or _picamera2
        self._camera: Any = None

    def open(self) -> None:
        """Starts both streams, or raises CameraError."""
        self.close()
        try:
            self._camera = self._make()
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": self._large, "format": "RGB888"},  # which is BGR in memory
                    lores={"size": self._small, "format": "YUV420"},
                    # More buffers are more pictures that wait.
                    buffer_count=3,
                )
            )
            self._camera.start()
        except CameraError:
            raise
        except (RuntimeError, IndexError, OSError) as error:
            self.close()
            raise CameraError("the Raspberry Pi's camera cannot be opened") from error

    def read(self) -> Picture:
        """The next moment in both sizes."""
        if self._camera is None:
            raise CameraError("the Raspberry Pi's camera is not open")
        try:
            request = self._camera.capture_request()
        except (RuntimeError, TimeoutError) as error:
            raise CameraError("the Raspberry Pi's camera gave no picture") from error
        try:
            large, planes = request.make_array("main"), request.make_array("lores")
        finally:
            request.release()
        small = cv2.cvtColor(np.asarray(planes, np.uint8), cv2.COLOR_YUV2BGR_I420)
        # A row may be stored longer than it is.
        width, height = self._small
        return Picture(
            np.ascontiguousarray(small[:height, :width], np.uint8),
            np.ascontiguousarray(large[:, : self._large[0], :3], np.uint8),
        )

    def close(self) -> None:
        """Stops it; may be called twice."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


def _picamera2() -> Any:
    try:
        return importlib.import_module("picamera2").Picamera2()
    except ImportError as error:
        raise CameraError("picamera2 is not installed: apt install python3-picamera2") from error
