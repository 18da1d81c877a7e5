"""A camera gives its newest frame, says what is wrong, and comes back."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cameras import choose
from edge.cameras.file import FileSource, every_frame
from edge.cameras.live import LiveCamera
from edge.cameras.sources import CameraError, Picture
from edge.cameras.watch import Watch
from edge.types import Camera, Frame, Pixels
from tests.edge.test_quality import noise


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for it, or fails."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class Scripted:
    """A camera that shows what it is told to; None is a picture that does not come."""

    def __init__(self, show: Callable[[int], Pixels | None]) -> None:
        self.show, self.opened, self.closed, self.number = show, 0, 0, 0
        self.is_away = False

    def open(self) -> None:
        if self.is_away:
            raise CameraError("the camera cannot be opened")
        self.opened += 1

    def read(self) -> Picture:
        time.sleep(0.01)
        self.number += 1
        image = None if self.is_away else self.show(self.number)
        if image is None:
            raise CameraError("the camera gave no picture")
        return Picture(image)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opened() -> Iterator[Callable[[LiveCamera], LiveCamera]]:
    """Opens cameras and closes them after the test."""
    cameras: list[LiveCamera] = []

    def open_it(one: LiveCamera) -> LiveCamera:
        cameras.append(one)
        one.open()
        return one

    yield open_it
    for one in cameras:
        one.close()
    assert "camera" not in {thread.name for thread in threading.enumerate()}


Open = Callable[[LiveCamera], LiveCamera]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds of video whose pictures show their number as brightness."""
    place = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(place), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for number in range(75):
        writer.write(np.full((120, 160, 3), 20 + number * 3, np.uint8))
    writer.release()
    return place


def brightness(frame: Frame) -> int:
    return round((float(frame.image.mean()) - 20) / 3)


def test_a_consumer_ten_times_slower_gets_frames_younger_than_a_second(
    clip: Path, opened: Open
) -> None:
    live: Camera = opened(LiveCamera(FileSource(clip, loop=True)))
    numbers = []
    for _ in range(10):
        time.sleep(0.4)  # the clip gives one every 0.04 s
        frame = live.read()
        assert frame is not None
        assert time.monotonic() - frame.captured_monotonic < 1.0
        numbers.append(frame.number)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > len(numbers), "it must have passed frames over"


def test_a_frame_is_given_once(opened: Open) -> None:
    source = Scripted(lambda number: noise(number, 48, 64) if number < 5 else None)
    live = opened(LiveCamera(source))
    until(lambda: live.status() != "starting" and source.number >= 5)
    assert live.read() is None, "what was seen before the loss is not given after it"


def test_an_old_frame_is_not_given(opened: Open) -> None:
    now = [0.0]
    live = opened(LiveCamera(Scripted(lambda n: noise(n, 48, 64)), clock=lambda: now[0]))
    until(lambda: live.read() is not None)
    live.close()
    live = LiveCamera(Scripted(lambda n: noise(n, 48, 64)), clock=lambda: now[0])
    opened(live)
    until(lambda: live.status() == "ok")
    live.close()
    now[0] = 1.5
    assert live.read() is None


def test_a_lost_camera_is_said_and_comes_back(opened: Open) -> None:
    source = Scripted(lambda n: noise(n, 48, 64))
    live = opened(LiveCamera(source))
    until(lambda: live.read() is not None)
    source.is_away = True
    until(lambda: live.status() == "the camera cannot be opened")
    source.is_away = False
    until(lambda: live.status() == "ok" and live.read() is not None)
    assert source.opened >= 2


def test_a_camera_that_hangs_is_said_to_be_lost(opened: Open) -> None:
    goes_on = threading.Event()

    def show(number: int) -> Pixels:
        if number > 5:
            goes_on.wait(20)
        return noise(number, 48, 64)

    live = opened(LiveCamera(Scripted(show), Watch(lost_s=0.3)))
    until(lambda: live.status() == "lost")
    goes_on.set()
    until(lambda: live.status() == "ok")


@pytest.mark.parametrize(
    ("shown", "name"),
    [((0, 0, 0), "black"), ((0, 135, 0), "green"), ((90, 120, 150), "frozen")],
)
def test_a_camera_that_shows_nothing_is_said_and_opened_anew(
    shown: tuple[int, int, int], name: str, opened: Open
) -> None:
    nothing = np.full((48, 64, 3), shown, np.uint8)
    source = Scripted(lambda n: nothing if n > 5 and source.opened < 2 else noise(n, 48, 64))
    live = opened(LiveCamera(source, Watch(frozen_s=0.2, wrong_color_s=0.2)))
    until(lambda: live.status() == name)
    until(lambda: live.status() == "ok" and live.read() is not None)
    assert source.opened == 2


def test_a_camera_that_is_not_there_is_an_error_or_waited_for(opened: Open) -> None:
    source = Scripted(lambda n: noise(n, 48, 64))
    source.is_away = True
    with pytest.raises(OSError, match="cannot be opened"):
        LiveCamera(source).open()
    live = opened(LiveCamera(source, patient=True))
    assert live.status() == "the camera cannot be opened"
    source.is_away = False
    until(lambda: live.read() is not None)


def test_closing_twice_and_opening_again(opened: Open) -> None:
    live = opened(LiveCamera(Scripted(lambda n: noise(n, 48, 64))))
    live.close()
    live.close()
    live.open()
    until(lambda: live.read() is not None)


def test_a_file_ends(clip: Path, opened: Open) -> None:
    live = opened(LiveCamera(FileSource(clip, pace=10)))
    until(lambda: live.status() == "ended")
    live.close()
    live.open()
    until(lambda: live.read() is not None)


def test_a_file_is_shown_at_its_own_pace_and_what_is_late_is_skipped(clip: Path) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    source = FileSource(clip, clock=lambda: now[0], sleep=sleep)
    source.open()
    shown = []
    for _ in range(5):
        picture = source.read()
        shown.append((brightness(Frame(picture.image, 0, 0, 0)), round(now[0] * 25)))
        now[0] += 0.4
    source.close()
    assert [number for number, _ in shown] == [0, 10, 20, 30, 40]
    assert all(abs(number - at) <= 1 for number, at in shown)


def test_every_frame_of_a_file_comes_with_its_own_time(clip: Path) -> None:
    frames = list(every_frame(clip, started_at=100))
    assert [brightness(frame) for frame in frames] == list(range(75))
    assert frames[50].captured_at == pytest.approx(102)


def test_a_folder_shows_its_pictures_in_order_and_passes_over_others(tmp_path: Path) -> None:
    for number in (2, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number * 50, np.uint8))
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [int(frame.image[0, 0, 0]) for frame in every_frame(tmp_path)] == [50, 100]


@pytest.mark.parametrize("spec", ["v4l2:97", "/dev/video97", "rtsp://user:secret@127.0.0.1:9/x",
                                  "/nowhere/secret.mp4"])  # fmt: skip
def test_a_camera_that_cannot_be_opened_says_so_without_its_address(spec: str) -> None:
    with pytest.raises(OSError, match=r"opened|not there") as raised:
        choose.camera(spec).open()
    assert "secret" not in str(raised.value)
    assert "/" not in str(raised.value)


def test_the_pi_camera_without_its_library_says_what_to_install() -> None:
    with pytest.raises(CameraError, match="python3-picamera2"):
        choose.source("pi").open()
