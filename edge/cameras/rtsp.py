"""A network camera by RTSP over TCP."""

from urllib.parse import urlsplit

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
    return CaptureSource(over_tcp(url), cv2.CAP_FFMPEG, options, "the RTSP camera")


def over_tcp(url: str) -> str:
    """The address that makes FFmpeg use TCP for this camera alone.

    `OPENCV_FFMPEG_CAPTURE_OPTIONS` would do it for the whole process. FFmpeg takes `tcp` out of
    an RTSP address's query before it asks the camera (libavformat/rtsp.c, `ff_rtsp_connect`).
    """
    asked = urlsplit(url).query.split("&")
    if {"tcp", "udp"} & set(asked):
        return url
    return f"{url}&tcp" if asked != [""] else f"{url}?tcp"
