"""The live video: the newest scene at a bounded pace, encoded once for all who watch."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2

from edge.board import Board, Scene
from edge.page.drawing import drawn
from edge.page.viewers import Place

BOUNDARY = "frame"
STALE_SECONDS = 2  # a picture as old as that is marked
_QUALITY = 80
_PATIENCE_SECONDS = 1.0
_CLOSING = f"\r\n--{BOUNDARY}\r\n".encode()


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What is to be seen now; `stale_seconds` above 0: the picture is that old."""

    scene: Scene | None
    stale_seconds: int

    @property
    def order(self) -> tuple[int, int]:
        """Grows with time."""
        return (self.scene.number if self.scene else 0, self.stale_seconds)


def view(scene: Scene | None, now: float) -> View:
    """`now`: by the clock of the frames."""
    if scene is None:
        return View(None, 0)
    age = int(now - scene.frame.captured_monotonic)
    return View(scene, age if age >= STALE_SECONDS else 0)


class Pictures:
    """JPEGs of the newest view, one for each width; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[int, tuple[tuple[int, int], bytes]] = {}
        self.encoded = 0  # how often, for whoever wants to know what watching costs

    def jpeg(self, seen: View, width: int) -> bytes:
        """The picture of this view or of a newer one."""
        with self._lock:
            kept = self._newest.get(width)
            if kept is None or kept[0] < seen.order:
                kept = seen.order, _encoded(seen, width)
                self._newest[width] = kept
                self.encoded += 1
            return kept[1]


class Feed:
    """Makes the parts of a multipart stream for one viewer after another."""

    def __init__(
        self,
        board: Board,
        max_rate: float,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stop` ends every stream; `clock` is that of the frames."""
        self._board, self._pause, self._stop, self._clock = board, 1 / max_rate, stop, clock
        self.pictures = Pictures()

    def parts(self, place: Place, width: int) -> Iterator[bytes]:
        """Until the viewer goes, is given up or the page stops; each part is taken before the
        next picture is looked for, so that a slow viewer sees few pictures but new ones."""
        yield _CLOSING.lstrip()
        for seen in self.views():
            place.handed_at = self._clock()
            yield _part(self.pictures.jpeg(seen, width))
            # Taken up only when the server has nearly nothing of the picture left to send;
            # browsers show a picture when they read the line after it.
            yield _CLOSING
            place.handed_at = None

    def views(self) -> Iterator[View]:
        """The newest, no more than `max_rate` a second and at least one a second."""
        number = 0
        while not self._stop.is_set():
            due = self._clock() + self._pause
            scene = self._board.newer(number, _PATIENCE_SECONDS) or self._board.scene()
            number = scene.number if scene else 0
            yield view(scene, self._clock())
            self._stop.wait(max(0.0, due - self._clock()))


def _part(jpeg: bytes) -> bytes:
    return b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b" % (len(jpeg), jpeg)


def _encoded(seen: View, width: int) -> bytes:
    image = drawn(seen.scene, width, seen.stale_seconds)
    done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be encoded")
    return jpeg.tobytes()
