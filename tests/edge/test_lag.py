"""A consumer that is slower than the stream gets young frames only, by what the pictures show.

Each picture of the real RTSP server has its own time in its pixels; our stamp at its arrival
proves nothing: what waits in a buffer arrives late.
"""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.agent import Agent
from edge.cameras.file import FileSource
from edge.cameras.live import LiveCamera
from edge.types import Frame, Pixels, Visit
from tests.edge.agent_kit import visit
from tests.edge.test_cameras import until
from tests.edge.test_rtsp import DEBIAN_PYTHON, watching

SERVER = Path(__file__).with_name("stamped_server.py")
COLUMNS, ROWS = 8, 4
SLOW_S = 0.4  # the stream gives a picture every 0.04 s
pytestmark = pytest.mark.slow


def age_of(image: Pixels) -> float:
    """How long ago the picture was made, by what it shows."""
    height, width = image.shape[0] // ROWS, image.shape[1] // COLUMNS
    lights = image[height // 2 :: height, width // 2 :: width].mean(axis=2) > 128
    shown = sum(1 << place for place, is_set in enumerate(lights.ravel()) if is_set)
    return ((time.monotonic_ns() // 1_000_000 - shown) & 0xFFFFFFFF) / 1000


def has_rtsp_server() -> bool:
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    commands = [[DEBIAN_PYTHON, "-c", probe]]
    for element in ("appsrc", "jpegenc", "rtpjpegpay"):
        commands.append([shutil.which("gst-inspect-1.0") or "absent", "--exists", element])
    try:
        done = [subprocess.run(one, capture_output=True, check=False) for one in commands]
    except OSError:
        return False
    return all(one.returncode == 0 for one in done)


@pytest.fixture(scope="module")
def stamped() -> Iterator[int]:
    """The port of the camera."""
    if not has_rtsp_server():
        pytest.skip(
            "no RTSP server here: install gir1.2-gst-rtsp-server-1.0, python3-gi,"
            " gstreamer1.0-plugins-base, -good and -bad, gstreamer1.0-tools"
        )
    with subprocess.Popen(
        [DEBIAN_PYTHON, str(SERVER)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


class Network:
    """Between camera and device; `stop` and `go`: what comes meanwhile waits, none is lost."""

    def __init__(self, to: int) -> None:
        self._to, self._flows = to, threading.Event()
        self._flows.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.stop, self.go = self._flows.clear, self._flows.set
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.go()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                device = self._listening.accept()[0]
            except OSError:
                return
            camera_side = socket.create_connection(("127.0.0.1", self._to))
            for source, sink in ((device, camera_side), (camera_side, device)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self._flows.wait()
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()


@contextmanager
def network(to: int) -> Iterator[Network]:
    between = Network(to)
    try:
        yield between
    finally:
        between.close()


class Slow:
    """A watcher that needs ten times as long as the stream gives, and decides on every frame."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.numbers: list[int] = []

    def feed(self, frame: Frame) -> list[Visit]:
        self.began.append(age_of(frame.image))
        self.numbers.append(frame.number)
        time.sleep(SLOW_S)
        return [visit(frame.captured_monotonic)]


def run(agent: Agent, done: Callable[[], bool]) -> None:
    """In this thread, until it is done; fails where that never comes."""
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(agent.step())


def test_what_the_pictures_show_tells_a_reader_that_lags(stamped: int) -> None:
    """The measure itself: whoever reads one after another falls behind by what he sleeps."""
    capture = cv2.VideoCapture(f"rtsp://127.0.0.1:{stamped}/door", cv2.CAP_FFMPEG)
    ages = []
    for _ in range(60):
        came, image = capture.read()
        assert came
        ages.append(age_of(np.asarray(image, np.uint8)))
        time.sleep(0.1)
    capture.release()
    assert ages[-1] - min(ages) > 1.0
    assert ages[-1] > 1.0


def test_a_consumer_ten_times_slower_decides_on_young_pictures_only(stamped: int) -> None:
    slow = Slow()
    decided: list[Visit] = []
    with watching(stamped) as live:
        agent = Agent(live, slow, decided.append, lambda: None)
        run(agent, lambda: len(decided) >= 25)
    assert max(slow.began) < 1.0
    assert slow.numbers == sorted(set(slow.numbers))
    assert slow.numbers[-1] - slow.numbers[0] > 5 * len(slow.numbers), "frames were passed over"


def test_what_a_reader_that_polls_gets_first_is_young_too(stamped: int) -> None:
    """FFmpeg collects pictures while it looks at a new stream, and gives them in one burst."""
    ages: list[float] = []
    with watching(stamped) as live:
        while len(ages) < 25:
            frame = live.read()
            if frame is None:
                time.sleep(0.001)
            else:
                ages.append(age_of(frame.image))
    assert max(ages) < 0.5, "the burst is passed over"


def test_what_waited_in_the_network_is_nobodys(stamped: int) -> None:
    """A line that stalls for two seconds gives what it held at once; none of it may decide."""
    seen: list[tuple[float, float]] = []

    def look(live: LiveCamera) -> bool:
        frame = live.read()
        if frame is not None:
            stamp = time.monotonic() - frame.captured_monotonic
            seen.append((age_of(frame.image), stamp))
        return frame is not None

    with network(stamped) as between, watching(between.port) as live:
        until(lambda: look(live))
        for _ in range(3):
            until(lambda: look(live))
            between.stop()
            time.sleep(2.0)
            between.go()
            wanted = len(seen) + 25
            while len(seen) < wanted:
                until(lambda: look(live))
    assert max(age for age, _ in seen) < 1.0 + 0.3, "at most what our own clock cannot know"
    assert max(age - stamp for age, stamp in seen) < 0.3, "it is told as old as it is"


def test_a_file_is_shown_to_a_slow_consumer_at_its_own_pace(tmp_path: Path) -> None:
    """Which picture is due is the file's own time: its number over its rate."""
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for number in range(200):
        writer.write(np.full((120, 160, 3), 20 + number, np.uint8))
    writer.release()
    live = LiveCamera(FileSource(clip))
    live.open()
    began: float | None = None
    lags: list[float] = []
    try:
        while len(lags) < 12:
            frame = live.read()
            if frame is None:
                time.sleep(0.005)
                continue
            shown = (float(frame.image.mean()) - 20) / 25
            began = time.monotonic() - shown if began is None else began
            lags.append(time.monotonic() - began - shown)
            time.sleep(SLOW_S)
    finally:
        live.close()
    assert max(lags) < 1.0
