"""A USB camera, by Video4Linux."""

import cv2

from edge.cameras.sources import CaptureSource


def v4l2_source(
    device: str | int, width: int = 640, height: int = 480, rate: int = 15
) -> CaptureSource:
    """The camera at `device` (`/dev/video0` or 0), asked for this size; it may choose another."""
    options = (
        cv2.CAP_PROP_FOURCC,
        # Uncompressed pictures of several cameras do not fit one USB 2 hub.
        cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH,
        width,
        cv2.CAP_PROP_FRAME_HEIGHT,
        height,
        cv2.CAP_PROP_FPS,
        rate,
        cv2.CAP_PROP_BUFFERSIZE,
        1,
    )
    return CaptureSource(device, cv2.CAP_V4L2, options, "the USB camera")
