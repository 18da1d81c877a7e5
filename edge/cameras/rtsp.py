"""A network camera by RTSP over TCP.

OpenCV asks for TCP first and takes UDP only from a camera that refuses TCP. Addresses with `?tcp`
change nothing, and `OPENCV_FFMPEG_CAPTURE_OPTIONS` would change it for the whole process.
"""

import cv2

from edge.cameras.sources import CaptureSource

OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 4000


def rtsp_source(url: str) -> CaptureSource:
    """The camera at `url`, which may hold a password and is never shown."""
    options = (
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        OPEN_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        READ_TIMEOUT_MS,
        # Each decoding thread holds one more picture back.
        cv2.CAP_PROP_N_THREADS,
        1,
    )
    # Those of RTP: what waited in the network is known for old.
    return CaptureSource(url, cv2.CAP_FFMPEG, options, "the RTSP camera", has_times=True)
