"""Recognition by the device alone: one sight, several, and while the gallery changes."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.cameras.file import every_frame
from edge.detection import YuNet
from edge.embedding import MOBILEFACENET_THRESHOLD
from edge.recognition.embedders import embedder_of
from edge.recognition.gallery import Gallery
from edge.recognition.local import LocalRecognizer, fused
from edge.recognition.network import Network, Vector
from edge.recognition.page import Page, SyncedFace
from edge.types import Face, Pixels, Recognition
from tests.edge.sights import face, frame
from tests.edge.test_detection import photo

NETWORK = Network("tiny", "a" * 64, "1", 4, 0.5)
EMPTY = Recognition("no_match", None, None, None, 0.5)


def axis(number: int) -> Vector:
    return np.asarray(np.eye(4)[number], np.float32)


class FakeEmbedder:
    """Everybody looks like `vector`; remembers what it was shown."""

    def __init__(self, vector: Vector) -> None:
        self.vector, self.network = vector, NETWORK
        self.shown = list[tuple[Pixels, Face]]()

    def embed(self, image: Pixels, face: Face) -> Vector:
        self.shown.append((image, face))
        return self.vector


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    one = Gallery(tmp_path)
    yield one
    one.close()


def test_who_is_registered_is_known_after_a_refresh(gallery: Gallery) -> None:
    own = LocalRecognizer(FakeEmbedder(axis(0)), gallery)
    assert own.recognize(frame(0), face()) == EMPTY
    gallery.register("anna", "Anna", [axis(0)], NETWORK, 0.0)
    assert own.recognize(frame(0), face()) == EMPTY
    own.refresh()
    told = own.recognize(frame(0), face())
    assert (told.decision, told.user_id, told.threshold) == ("match", "anna", 0.5)
    assert (own.source_of("anna"), own.source_of("bert"), own.source_of(None)) == (
        "local",
        None,
        None,
    )
    assert own.people == 1


def test_what_cannot_be_embedded_is_nobody(gallery: Gallery) -> None:
    gallery.register("anna", "Anna", [axis(0)], NETWORK, 0.0)
    own = LocalRecognizer(FakeEmbedder(np.zeros(4, np.float32)), gallery)
    assert own.recognize(frame(0), face()) == EMPTY


@pytest.mark.parametrize(("threshold", "decision"), [(0.0, "match"), (0.9, "no_match")])
def test_a_threshold_of_the_settings_goes_before_the_networks(
    gallery: Gallery, threshold: float, decision: str
) -> None:
    gallery.register("anna", None, [np.asarray([0.7, 0.7, 0.1, 0], np.float32)], NETWORK, 0.0)
    own = LocalRecognizer(FakeEmbedder(axis(0)), gallery, threshold)
    assert own.recognize(frame(0), face()).decision == decision


def test_the_larger_picture_is_looked_at(gallery: Gallery) -> None:
    embedder = FakeEmbedder(axis(0))
    own, shown = LocalRecognizer(embedder, gallery), face((10, 20, 30, 40))
    large = frame(0, large=2)
    own.recognize(large, shown)
    own.recognize(frame(0), shown)
    (image, at), (_, as_it_was) = embedder.shown
    assert image.shape == (960, 1280, 3)
    assert list(at.box) == [20, 40, 60, 80]
    assert np.allclose(at.landmarks, np.asarray(shown.landmarks) * 2)
    assert as_it_was.box == shown.box


def test_whoever_matches_meanwhile_has_the_one_gallery_or_the_other(gallery: Gallery) -> None:
    own = LocalRecognizer(FakeEmbedder(axis(0)), gallery)
    done, told = threading.Event(), set[tuple[str, str | None, str | None]]()

    def match() -> None:
        while not done.is_set():
            one = own.recognize_vector(axis(0))
            told.add((one.decision, one.user_id, one.name))

    def take(face_id: int, user_id: str) -> None:
        crowd = [SyncedFace(100 + n, f"p{n}", None, axis(1 + n % 3)) for n in range(face_id * 7)]
        new = SyncedFace(face_id, user_id, user_id.title(), axis(0))
        page = Page((new, *crowd), frozenset([3 - face_id]), "c", True, reset=True)
        gallery.apply(page, NETWORK, None, 0.0)
        own.refresh()

    take(1, "anna")
    matcher = threading.Thread(target=match)
    matcher.start()
    try:
        for _ in range(30):
            take(2, "bert")
            take(1, "anna")
    finally:
        done.set()
        matcher.join()
    assert told <= {("match", "anna", "Anna"), ("match", "bert", "Bert")}
    assert told


def test_the_mean_is_of_unit_length_and_of_what_can_be_used() -> None:
    told = fused([axis(0) * 5, axis(1), np.full(4, np.nan, np.float32), np.zeros(4, np.float32)])
    assert told is not None
    assert np.allclose(told, [0.5**0.5, 0.5**0.5, 0, 0])
    assert fused([]) is None
    assert fused([np.zeros(4, np.float32)]) is None
    assert fused([axis(0), -axis(0)]) is None
    assert fused([axis(0), np.ones(5, np.float32)]) is None


# A real clip: the man of the second scene, whose face is 80 pixels wide, moves while he speaks.

MIRANDA, LACAMOIRE = "lin-manuel-miranda", "alex-lacamoire"


@pytest.fixture(scope="module")
def told_of_clip(
    shared_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LocalRecognizer, list[Vector]]:
    """A recognizer that knows both men, and the vectors of the second scene's largest face."""
    gallery = Gallery(tmp_path_factory.mktemp("gallery"))
    network = embedder_of(shared_dir / "models" / "mobilefacenet.onnx")
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx", search_px=640)
    for name in (MIRANDA, LACAMOIRE):
        image = photo(shared_dir / "faces" / "gallery" / f"{name}.png")
        vector = network.embed(image, yunet.find(image)[0])
        gallery.register(name, None, [vector], network.network, 0.0)
    own, vectors = LocalRecognizer(network, gallery), list[Vector]()
    gallery.close()
    for number, one in enumerate(every_frame(shared_dir / "video" / "short_hamilton_clip.mp4")):
        if 82 <= number < 211 and number % 4 == 0:
            largest = max(yunet.find(one.image), key=lambda seen: seen.box[2])
            vectors.append(own.embed(one, largest))
    return own, vectors


def test_a_face_that_moves_is_known_better_by_the_mean_of_its_sights(
    told_of_clip: tuple[LocalRecognizer, list[Vector]],
) -> None:
    own, vectors = told_of_clip
    single = [own.recognize_vector(vector) for vector in vectors]
    mean = fused(vectors)
    assert mean is not None
    together = own.recognize_vector(mean)
    assert (together.decision, together.user_id) == ("match", MIRANDA)
    assert {one.user_id for one in single} <= {MIRANDA, None}
    alone = [one.similarity for one in single if one.similarity is not None]
    assert together.similarity is not None
    assert together.similarity > float(np.median(alone)) + 0.05
    assert own.rule.threshold == MOBILEFACENET_THRESHOLD


def test_the_mean_of_a_visits_frames_gives_the_name(
    told_of_clip: tuple[LocalRecognizer, list[Vector]],
) -> None:
    own, vectors = told_of_clip
    means = [fused(vectors[first : first + 3]) for first in range(len(vectors) - 2)]
    told = {own.recognize_vector(mean).user_id for mean in means if mean is not None}
    assert MIRANDA in told
    assert LACAMOIRE not in told
