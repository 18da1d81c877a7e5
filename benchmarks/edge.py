"""What the edge agent needs on one core: a frame, a face, a picture of the live page, memory, and
the share of the core at 10 frames a second.

    python -m benchmarks.edge [SHARED_DIR]

Runs on the clip and the networks there, and imports nothing of the server's. CPU time, so that
other work on the machine counts little; the share at 10 frames a second is that of this process.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from edge.board import Scene
from edge.cameras.file import every_frame
from edge.detection import YuNet
from edge.embedding import MobileFaceNet
from edge.gate import Rules
from edge.page.stream import Pictures, view
from edge.pipeline import Watcher
from edge.recognition.embedders import embedder_of
from edge.recognition.gallery import Gallery
from edge.recognition.local import LocalRecognizer
from edge.types import Face, Frame, Track

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
WIDTH, HEIGHT = 640, 480
RATE = 10
SECONDS = 20
FACES = 200
PEOPLE = 1000
WARM_UP = 5
RUNTIME = "OpenCV" if find_spec("onnxruntime") is None else "ONNX Runtime"
FRAME_TARGET_MS, FACE_TARGET_MS = 25, 40


def main() -> None:
    """Prints the table."""
    cv2.setNumThreads(1)
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    models, clip = shared / "models", shared / "video" / "short_hamilton_clip.mp4"
    print(
        f"{processor()}; Python {platform.python_version()}, OpenCV {cv2.__version__}, one thread"
    )
    print(f"the process before the networks: {memory_mb()} MB\n")
    print("| | p50 ms | p95 ms | target ms |\n|---|---|---|---|")
    for name, search_px in (("yunet_n", 320), ("yunet_s", 320), ("yunet_n", 640)):
        watcher = Watcher(YuNet(models / f"{name}_640.onnx", search_px=search_px), Rules())
        times = timed(watcher.feed, frames(clip))
        row(f"frame {WIDTH}x{HEIGHT}: {name}, searched at {search_px} px", times, FRAME_TARGET_MS)
    yunet = YuNet(models / "yunet_n_640.onnx")
    frame, face = a_face(yunet, clip)
    faces(models / "mobilefacenet.onnx", frame, face)
    page(frame, face)
    print(f"\nmemory with everything loaded: {memory_mb()} MB")
    share, most = load(Watcher(yunet), clip)
    print(f"CPU at {RATE} frames a second, searched at 320 px: {share:.0%} of one core")
    print(f"frames a second on a core of its own: {most:.0f}")


def faces(network: Path, frame: Frame, face: Face) -> None:
    """What a face costs: the network alone, and with a search among PEOPLE."""
    for name, with_opencv in {RUNTIME: False, "OpenCV": True}.items():
        alone = MobileFaceNet(network, with_opencv=with_opencv)

        def embed(shown: Frame, alone: MobileFaceNet = alone) -> object:
            return alone.embed(shown.image, face.landmarks)

        row(f"face, MobileFaceNet on {name}", timed(embed, [frame] * FACES), FACE_TARGET_MS)
    embedder, chance = embedder_of(network), np.random.default_rng(1)
    with TemporaryDirectory() as folder:
        gallery = Gallery(Path(folder))
        for number in range(PEOPLE):
            vector = chance.normal(size=128).astype(np.float32)
            given = vector / np.linalg.norm(vector)
            gallery.register(f"p{number}", None, [given], embedder.network, 0.0)
        recognizer = LocalRecognizer(embedder, gallery)
        times = timed(lambda shown: recognizer.recognize(shown, face), [frame] * FACES)
        row(f"face recognized among {PEOPLE} people, {RUNTIME}", times, FACE_TARGET_MS)
        gallery.close()


def page(frame: Frame, face: Face) -> None:
    """What a picture of the live page costs; one serves all who watch."""
    tracks = (Track(1, face, 5, 0.0),)
    pictures = Pictures()

    def encode(shown: Frame) -> object:
        scene = Scene(pictures.encoded + 1, shown, tracks, {}, 10.0)
        return pictures.jpeg(view(scene, shown.captured_monotonic), WIDTH)

    row("live page: drawn and encoded once for all", timed(encode, [frame] * FACES), None)


def frames(clip: Path) -> Iterator[Frame]:
    """The clip's pictures, filled up to 640x480 at top and bottom."""
    for frame in every_frame(clip):
        missing = HEIGHT - frame.image.shape[0]
        image = np.pad(frame.image, ((missing // 2, missing - missing // 2), (0, 0), (0, 0)))
        yield Frame(image, frame.number, frame.captured_at, frame.captured_monotonic)


def a_face(yunet: YuNet, clip: Path) -> tuple[Frame, Face]:
    """The first frame with a face, and that face."""
    for frame in frames(clip):
        if found := yunet.find(frame.image):
            return frame, found[0]
    raise SystemExit("no face in the clip")


def timed(work: Callable[[Frame], object], given: Iterator[Frame] | list[Frame]) -> list[float]:
    """CPU milliseconds of each call after the first few."""
    times = []
    for frame in given:
        start = time.process_time()
        work(frame)
        times.append(1000 * (time.process_time() - start))
    return times[WARM_UP:]


def row(what: str, times: list[float], target_ms: float | None) -> None:
    """One line of the table."""
    p50, p95 = np.percentile(times, [50, 95])
    print(f"| {what} | {p50:.1f} | {p95:.1f} | {target_ms or ''} |", flush=True)


def load(watcher: Watcher, clip: Path) -> tuple[float, float]:
    """CPU seconds a second while frames come at RATE, decoding left out, and the frames that a
    second of CPU is enough for."""
    shown = [frame for frame in frames(clip) if frame.number % 3 == 0]
    start, spent = time.monotonic(), time.process_time()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        at = number / RATE
        watcher.feed(Frame(shown[number % len(shown)].image, number, at, at))
    used = time.process_time() - spent
    return used / (time.monotonic() - start), RATE * SECONDS / used


def processor() -> str:
    """As the system names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def memory_mb() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


if __name__ == "__main__":
    main()
