"""The live page in a real browser, with the clip of two men at the door."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.board import Board, Happening, Kind, Label
from edge.cameras.file import every_frame
from edge.detection import YuNet
from edge.page.drawing import GREEN, ORANGE
from edge.page.server import Page
from edge.page.types import CaptureResult, Say, StatusRow
from edge.pipeline import Watcher
from edge.types import Frame, Pixels, Track
from tests.edge.test_page import SETTINGS

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no browser: apt-get install chromium"),
]
FAR, NEAR = slice(2, 20), slice(90, 150)  # of the clip: both men, and one of them near
DARK = "--blink-settings=preferredColorScheme=0"
KNOWN = Label(Kind.KNOWN, "Lin-Manuel Miránda", 0.78)
OTHER = Label(Kind.UNKNOWN, "unknown", 0.12)
Seen = tuple[Frame, list[Track]]


@pytest.fixture(scope="module")
def scenes(shared_dir: Path) -> list[Seen]:
    """Frames of the clip and who was found in them."""
    watcher = Watcher(YuNet(shared_dir / "models" / "yunet_n_640.onnx"))
    seen = []
    for frame in every_frame(shared_dir / "video" / "short_hamilton_clip.mp4"):
        if frame.number >= NEAR.stop:
            break
        watcher.feed(frame)
        seen.append((frame, watcher.tracks))
    return seen


@contextmanager
def played(scenes: list[Seen]) -> Iterator[Page]:
    """A page that shows the clip over and over; the largest face is known, others are not."""
    board, stop = Board(), threading.Event()
    rows = [
        StatusRow("Camera", "ok"),
        StatusRow("Server", "cannot be reached", True),
        StatusRow("Queue", "3 wait"),
        StatusRow("Mode", "recognizes here"),
        StatusRow("Clock", "0.2 s off"),
        StatusRow("Gallery", "4 minutes old"),
    ]
    for number, label in enumerate([OTHER, KNOWN, Label(Kind.REFUSED, "too dark")]):
        board.happened(Happening(1_700_000_000.0 + 60 * number, label, label is KNOWN))

    def play() -> None:
        while not stop.is_set():
            for frame, tracks in scenes:
                by_size = sorted(tracks, key=lambda one: -one.face.box[2])
                for place, one in enumerate(by_size):
                    board.label(one.id, OTHER if place else KNOWN)
                now = Frame(frame.image, frame.number, time.time(), time.monotonic())
                board.show(now, tracks)
                if stop.wait(0.1):
                    return

    def capture(name: str, say: Say, /) -> CaptureResult:
        return CaptureResult(True, f"{name} is registered.")

    page, player = Page(SETTINGS, board, lambda: rows, capture), threading.Thread(target=play)
    page.start()
    player.start()
    try:
        yield page
    finally:
        stop.set()
        player.join()
        page.stop()


def browse(page: Page, folder: Path, *wanted: str) -> str:
    """What the browser says when it has looked at the page for some seconds."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={folder / 'profile'}", "--disable-dev-shm-usage", *wanted]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--enable-logging=stderr", f"http://127.0.0.1:{page.port}/video_feed_page"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    blocked = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert blocked == []  # the strict policy stops nothing that is the page's own
    return done.stdout


def screenshot(page: Page, folder: Path, size: str, *more: str) -> Pixels:
    folder.mkdir(exist_ok=True)
    file = folder / "page.png"
    browse(page, folder, f"--screenshot={file}", f"--window-size={size}", "--timeout=6000", *more)
    image = cv2.imread(str(file))
    assert image is not None
    return np.asarray(image, np.uint8)


def alike(image: Pixels, color: tuple[int, int, int]) -> int:
    """How many pixels are of a color, but for what JPEG does."""
    return int((np.abs(image.astype(int) - np.array(color)).max(axis=2) < 30).sum())


@pytest.mark.parametrize(("size", "wide"), [("1280,900", 860), ("412,1400", 412)])
def test_the_boxes_are_seen(scenes: list[Seen], tmp_path: Path, size: str, wide: int) -> None:
    with played(scenes[FAR]) as page:
        picture = screenshot(page, tmp_path, size)[50:500, :wide]
    assert alike(picture, GREEN) > 300
    assert alike(picture, ORANGE) > 300


def test_a_dark_screen_gets_a_dark_page(scenes: list[Seen], tmp_path: Path) -> None:
    with played(scenes[NEAR]) as page:
        light = screenshot(page, tmp_path / "light", "1280,900")
        dark = screenshot(page, tmp_path / "dark", "1280,900", DARK)
    assert light[-20:].mean() > 200
    assert dark[-20:].mean() < 60
    assert alike(dark[50:500, :860], GREEN) > 300


def test_names_events_and_status_are_in_words(scenes: list[Seen], tmp_path: Path) -> None:
    with played(scenes[NEAR]) as page:
        shown = browse(page, tmp_path, "--dump-dom", "--timeout=6000")
    faces = re.search(r'<ul id="faces".*?</ul>', shown, re.DOTALL)
    assert faces is not None
    assert "Lin-Manuel Miránda 0.78" in faces[0]
    for word in ("unknown 0.12", "cannot be reached", "too dark", "opened", "frames a second"):
        assert word in shown
