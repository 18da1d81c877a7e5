"""What the edge agent needs on one core: a frame, a face, memory, and 10 frames a second.

    python -m benchmarks.edge [SHARED_DIR]

Runs on the clip and the networks there, and imports nothing of the server's. CPU time, so that
other work on the machine counts little; the share at 10 frames a second is that of this process.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from edge.cameras.file import every_frame
from edge.detection import YuNet
from edge.embedding import MobileFaceNet
from edge.gate import Rules
from edge.pipeline import Watcher
from edge.types import Face, Frame

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
WIDTH, HEIGHT = 640, 480
RATE = 10
SECONDS = 20
FACES = 200
WARM_UP = 5
RUNTIME = "OpenCV" if find_spec("onnxruntime") is None else "ONNX Runtime"
FRAME_TARGET_MS, FACE_TARGET_MS = 25, 40


def main() -> None:
    """Prints the table."""
    cv2.setNumThreads(1)
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    models, clip = shared / "models", shared / "video" / "short_hamilton_clip.mp4"
    start_mb = memory_mb()
    print(f"OpenCV {cv2.__version__}, one thread; the process before the networks: {start_mb} MB\n")
    print("| | p50 ms | p95 ms | target ms |\n|---|---|---|---|")
    for name, search_px in (("yunet_n", 320), ("yunet_s", 320), ("yunet_n", 640)):
        watcher = Watcher(YuNet(models / f"{name}_640.onnx", search_px=search_px), Rules())
        times = timed(watcher.feed, frames(clip))
        row(f"frame {WIDTH}x{HEIGHT}: {name}, searched at {search_px} px", times, FRAME_TARGET_MS)
    yunet = YuNet(models / "yunet_n_640.onnx")
    frame, face = a_face(yunet, clip)
    for name, with_opencv in {RUNTIME: False, "OpenCV": True}.items():
        network = MobileFaceNet(models / "mobilefacenet.onnx", with_opencv=with_opencv)

        def embed(shown: Frame, network: MobileFaceNet = network) -> object:
            return network.embed(shown.image, face.landmarks)

        row(f"face, MobileFaceNet on {name}", timed(embed, [frame] * FACES), FACE_TARGET_MS)
    print(f"\nmemory with everything loaded: {memory_mb()} MB")
    share = cpu_share(Watcher(yunet), clip)
    print(f"CPU at {RATE} frames a second, searched at 320 px: {share:.0%} of one core")


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


def row(what: str, times: list[float], target_ms: float) -> None:
    """One line of the table."""
    p50, p95 = np.percentile(times, [50, 95])
    print(f"| {what} | {p50:.1f} | {p95:.1f} | {target_ms} |", flush=True)


def cpu_share(watcher: Watcher, clip: Path) -> float:
    """CPU seconds a second while frames come at RATE, decoding left out."""
    shown = [frame for frame in frames(clip) if frame.number % 3 == 0]
    start, spent = time.monotonic(), time.process_time()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        at = number / RATE
        watcher.feed(Frame(shown[number % len(shown)].image, number, at, at))
    return (time.process_time() - spent) / (time.monotonic() - start)


def memory_mb() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


if __name__ == "__main__":
    main()
