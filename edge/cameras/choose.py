"""Which camera a line of the settings means."""

from pathlib import Path

from edge.cameras.file import FileSource
from edge.cameras.live import LiveCamera
from edge.cameras.pi import PiSource
from edge.cameras.rtsp import rtsp_source
from edge.cameras.sources import Source
from edge.cameras.v4l2 import v4l2_source
from edge.cameras.watch import Watch

Size = tuple[int, int]


def camera(
    spec: str, size: Size = (640, 480), *, loop: bool = False, patient: bool = False
) -> LiveCamera:
    """The camera that `spec` means: see `source`."""
    # The pictures of a folder come one a second and may be alike.
    watch = Watch(lost_s=5.0, frozen_s=float("inf")) if Path(spec).is_dir() else Watch()
    return LiveCamera(source(spec, size, loop=loop), watch, patient=patient)


def source(spec: str, size: Size = (640, 480), *, loop: bool = False) -> Source:
    """`pi`, `rtsp://…`, `v4l2:0`, `/dev/video0`, else a video file or a folder of pictures."""
    if spec == "pi":
        return PiSource(small=size)
    if spec.lower().startswith(("rtsp://", "rtsps://")):
        return rtsp_source(spec)
    device = spec.removeprefix("v4l2:")
    if device.isdecimal():
        return v4l2_source(int(device), *size)
    if device.startswith("/dev/"):
        return v4l2_source(device, *size)
    return FileSource(Path(spec), loop=loop)
