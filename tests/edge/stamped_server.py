"""An RTSP camera whose pictures show when they were made, run by Debian's Python.

Each is a board of 8 x 4 black and white fields: the milliseconds of the machine's steady clock,
which is the same for every process. Prints its port.
"""

import sys
import time

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

WIDTH, HEIGHT, RATE = 320, 240, 25
COLUMNS, ROWS = 8, 4
PIPELINE = (
    "( appsrc name=camera is-live=true do-timestamp=true format=time"
    f" caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={RATE}/1"
    " ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)


def board(milliseconds: int) -> bytes:
    """The picture, in I420."""
    light = bytearray()
    for row in range(ROWS):
        line = bytearray()
        for column in range(COLUMNS):
            is_set = milliseconds >> (row * COLUMNS + column) & 1
            line += bytes([235 if is_set else 16]) * (WIDTH // COLUMNS)
        light += line * (HEIGHT // ROWS)
    return bytes(light) + bytes([128]) * (WIDTH * HEIGHT // 2)


def feed(source: "Gst.Element") -> None:
    """RATE pictures a second until nobody takes them."""

    def push() -> bool:
        buffer = Gst.Buffer.new_wrapped(board(time.monotonic_ns() // 1_000_000 & 0xFFFFFFFF))
        return bool(source.emit("push-buffer", buffer) == Gst.FlowReturn.OK)

    GLib.timeout_add(1000 // RATE, push)


def main() -> None:
    """Serves until it is ended."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.connect(
        "media-configure",
        lambda _, media: feed(media.get_element().get_by_name_recurse_up("camera")),
    )
    server.get_mount_points().add_factory("/door", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
