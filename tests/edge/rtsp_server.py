"""A real RTSP server on loopback, run by the Python that has Debian's GStreamer bindings.

Prints its port. With a file it serves that (H.264), else moving bars.
"""

import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

BARS = (
    "( videotestsrc is-live=true pattern=ball"
    " ! video/x-raw,format=I420,width=320,height=240,framerate=25/1"
    " ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)
FILE = (
    "( filesrc location={} ! qtdemux name=d d.video_0 ! queue ! h264parse config-interval=1"
    " ! rtph264pay name=pay0 pt=96 )"
)


def main(port: str, transports: str, file: str = "") -> None:
    """Serves until it is ended; `transports`: tcp, udp."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(FILE.format(file) if file else BARS)
    if transports == "udp":
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    server.get_mount_points().add_factory("/door", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
