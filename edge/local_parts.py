"""Recognition on the device, put together: network, gallery, sync and the door's decision."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from edge.active import Allowed
from edge.closer import closer
from edge.detection import Detector, YuNet
from edge.facts import Facts
from edge.following import Following, SharedGallery
from edge.recognition.embedders import Embedder, embedder_of
from edge.recognition.gallery_client import GalleryClient
from edge.recognition.local import LocalRecognizer
from edge.recognition.network import Network, Vector
from edge.recognition.policy import Circumstances
from edge.recognition.sync import Sync
from edge.registering.stored import GalleryStore
from edge.sections import Config
from edge.types import Face, Landmarks, Pixels

log = logging.getLogger("edge.local")
_CLOSER_PX = 320


class CloserEmbedder:
    """A network that is given small faces enlarged; thread-safe."""

    def __init__(self, embedder: Embedder, detector: Detector) -> None:
        """`detector` is this object's own."""
        self._embedder, self._detector, self._lock = embedder, detector, threading.Lock()

    @property
    def network(self) -> Network:
        return self._embedder.network

    def embed(self, image: Pixels, face: Face) -> Vector:
        """The face of a BGR picture as a unit vector."""
        with self._lock:
            image, face = closer(image, face, self._detector)
        return self._embedder.embed(image, face)


@dataclass(frozen=True, slots=True)
class ByLandmarks:
    """The same network as a registration asks it."""

    embedder: Embedder
    threshold: float

    def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
        """The face as a unit vector."""
        across, down = [x for x, _ in landmarks], [y for _, y in landmarks]
        # Eyes and mouth are about half of a face's width apart, and half of its height.
        width, height = 2 * (max(across) - min(across)), 2 * (max(down) - min(down))
        middle = sum(across) / len(across), sum(down) / len(down)
        box = (middle[0] - width / 2, middle[1] - height / 2, width, height)
        return self.embedder.embed(image, Face(box, landmarks, 1.0))


@dataclass(frozen=True, slots=True)
class Local:
    """What a device has that recognizes by itself. `sync` is None without a server."""

    gallery: SharedGallery
    recognizer: LocalRecognizer
    store: GalleryStore
    by_landmarks: ByLandmarks
    sync: Sync | None
    following: Following


def network_of(config: Config) -> Embedder | None:
    """The network of the settings, None where none is named; raises NetworkError."""
    if config.recognition.network is None:
        return None
    embedder = embedder_of(config.recognition.network)
    if config.detector.model is None:
        return embedder
    own = YuNet(config.detector.model, config.detector.least_confidence, _CLOSER_PX)
    return CloserEmbedder(embedder, own)


@contextmanager
def local_of(config: Config) -> Iterator[Local | None]:
    """Network and gallery, None where no network is named.

    Raises NetworkError, DetectorError, sqlite3.Error and OSError.
    """
    embedder = network_of(config)
    if embedder is None:
        yield None
        return
    with ExitStack() as stack:
        gallery = SharedGallery(config.outbox.folder)
        stack.callback(gallery.close)
        known = gallery.version()  # before it is read: what comes in between is news
        recognizer = LocalRecognizer(embedder, gallery, config.recognition.threshold)
        by_landmarks = ByLandmarks(embedder, recognizer.rule.threshold)
        following = Following(gallery.version, recognizer.refresh, known)
        store = GalleryStore(gallery, embedder.network)
        sync = None
        if config.recognition.mode == "local" and config.recognition.sync and config.server.url:
            client = GalleryClient(config.server)
            stack.callback(client.close)
            seconds = config.recognition.sync_seconds
            network, refresh = embedder.network, recognizer.refresh
            sync = Sync(gallery, client, network, refresh, seconds=seconds)
        yield Local(gallery, recognizer, store, by_landmarks, sync, following)


def circumstances_of(
    config: Config,
    local: Local,
    facts: Facts,
    server_answers: Callable[[], bool],
    *,
    active: Allowed,
    key: Allowed | None,
) -> Callable[[], Circumstances]:
    """What is so at the moment at which it is asked. Without a server there is no `key`."""

    def now() -> Circumstances:
        is_right = facts.is_clock_right(time.time(), time.monotonic())
        age = local.sync.age(clock_is_right=is_right) if local.sync else float("inf")
        answers = server_answers() if config.server.url else True
        return Circumstances(bool(active), key is None or bool(key), answers, age)

    return now
