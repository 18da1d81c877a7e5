"""The real detector and the real embedders on real photos, at the default thresholds."""

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy import compare, missed_and_extra
from benchmarks.photos import Faces, pairs, photos
from core.errors import ImageCorrupt, ModelUnavailable, UnsupportedImage
from core.settings import Device, Settings
from core.types import Matrix, Vector
from core.vectors import similarities
from pipeline.analyzer import Analyzer, build_analyzer, exactly_one
from pipeline.builder import build_detector, build_embedder
from pipeline.embedders.embedder import Embedder
from pipeline.images.decode import decode
from pipeline.models.registry import find
from tests.images_made import encoded, with_orientation

pytestmark = pytest.mark.slow

CAP = 64_000_000
EMBEDDERS = ["dlib", "mobilefacenet"]
WHO = {
    "test/alex_lacamoire1": {"alex_lacamoire"},
    "test/johnsnow_test1": {"kit_harington"},
    "test/kit_with_rose": {"kit_harington", "rose_leslie"},
    "test/obama1": {"obama"},
    "test/obama_and_biden": {"obama", "biden"},
    "single/32bit": {"obama"},
    "single/biden": {"biden"},
    "single/obama": {"obama"},
    "single/obama2": {"obama"},
    "single/obama3": {"obama"},
    "single/obama_partial_face": {"obama"},
    "single/obama_partial_face2": {"obama"},
    "obama-240p": {"obama"},
    "obama-480p": {"obama"},
    "obama-720p": {"obama"},
    "obama-1080p": {"obama"},
    "alex-lacamoire": {"alex_lacamoire"},
    "lin-manuel-miranda": set(),
    "two_people": {"obama", "biden"},
}


@pytest.fixture(scope="module")
def faces(prepared_models: Path) -> Faces:
    return Faces(Settings(model_dir=prepared_models))


@pytest.fixture(scope="module", params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest, model_dir: Path) -> Embedder:
    settings = Settings(model_dir=model_dir)
    return build_embedder(find(request.param, settings), settings)


@pytest.fixture(scope="module")
def dlib_analyzer(prepared_models: Path) -> Analyzer:
    return build_analyzer("dlib", Settings(model_dir=prepared_models))


def score(embedder: Embedder, a: Vector, b: Vector) -> float:
    return float(similarities(a, b[None], embedder.spec.similarity)[0])


def nearest(embedder: Embedder, probe: Vector, train: Mapping[str, Matrix]) -> tuple[float, str]:
    best = [
        (max(score(embedder, probe, m[0]) for n, m in train.items() if n.startswith(who)), who)
        for who in sorted({name.split("/")[0] for name in train})
    ]
    return max(best)


def test_every_face_and_no_other_is_found(shared_dir: Path, faces: Faces) -> None:
    assert missed_and_extra(faces, photos(shared_dir / "faces" / "detection")) == (0, 0)


def test_pairs_are_told_apart(shared_dir: Path, faces: Faces, embedder: Embedder) -> None:
    folder = shared_dir / "faces" / "pairs"
    labelled = pairs(folder)
    used = {name for pair in labelled for name in (pair.first, pair.second)}
    found = faces.embedded(embedder, {n: p for n, p in photos(folder).items() if n in used})
    outcome = compare(labelled, found, embedder.spec.similarity)
    assert (len(outcome.genuine), len(outcome.impostor)) == (38, 262)
    assert outcome.false_accepts(embedder.default_threshold) == 0
    assert outcome.accuracy(embedder.default_threshold) >= 0.99


def test_the_gallery_knows_its_people_and_nobody_else(
    shared_dir: Path, faces: Faces, embedder: Embedder
) -> None:
    gallery = shared_dir / "faces" / "gallery"
    train = faces.embedded(embedder, photos(gallery / "train"))
    probes = {name: path for name, path in photos(gallery).items() if name in WHO}
    assert set(probes) == set(WHO)
    wrong = []
    for name, matrix in faces.embedded(embedder, probes).items():
        hits = [nearest(embedder, row, train) for row in matrix]
        recognized = {who for at, who in hits if at >= embedder.default_threshold}
        if recognized != WHO[name]:
            wrong.append((name, recognized))
    assert wrong == []


def test_strangers_stay_strangers(shared_dir: Path, faces: Faces, embedder: Embedder) -> None:
    train = faces.embedded(embedder, photos(shared_dir / "faces" / "gallery" / "train"))
    others = photos(shared_dir / "faces" / "pairs")
    named = {name: others[name] for name in [f"img{i}" for i in range(1, 26)]}
    known = [
        (name, nearest(embedder, row, train))
        for name, matrix in faces.embedded(embedder, named).items()
        for row in matrix
    ]
    assert [n for n, (at, _) in known if at >= embedder.default_threshold] == []


def test_one_face_in_seven_formats_is_one_person(
    shared_dir: Path, faces: Faces, embedder: Embedder
) -> None:
    folder = shared_dir / "faces" / "formats"
    readable = [p for p in folder.iterdir() if p.stem == "einstein" and p.suffix != ".ico"]
    rows = faces.embedded(embedder, {path.name: path for path in sorted(readable)})
    assert len(rows) == 6
    first = rows["einstein.png"][0]
    assert all(score(embedder, first, m[0]) >= 0.9 for m in rows.values())
    scores = [score(embedder, a[0], b[0]) for a in rows.values() for b in rows.values()]
    assert min(scores) >= 0.9


def test_broken_files_get_their_codes(shared_dir: Path) -> None:
    folder = shared_dir / "faces" / "formats"
    for name in ("corrupted.png", "truncated.jpg"):
        with pytest.raises(ImageCorrupt):
            decode((folder / name).read_bytes(), CAP)
    for name in ("einstein.ico", "empty.png"):
        with pytest.raises(UnsupportedImage):
            decode((folder / name).read_bytes(), CAP)


def astronaut() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())


def only_embedding(analyzer: Analyzer, data: bytes) -> Vector:
    photo = decode(data, CAP)
    face = exactly_one(analyzer.detect(photo), None)
    vector: Vector = analyzer.embed(photo, [face])[0]
    return vector


def test_the_eight_orientations_are_one_person(dlib_analyzer: Analyzer) -> None:
    turns = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    rows = []
    for orientation, turn in turns.items():
        stored = astronaut()
        for step in turn:
            stored = stored.transpose(step)
        rows.append(only_embedding(dlib_analyzer, with_orientation(stored, "JPEG", orientation)))
    unit = np.stack(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
    assert (1 - unit @ unit.T).max() <= 0.05
    squared = ((np.stack(rows)[:, None] - np.stack(rows)[None]) ** 2).sum(axis=2)
    assert squared.max() / 2 <= 0.05


def test_a_reduced_photo_is_the_same_person_in_the_originals_pixels(
    dlib_analyzer: Analyzer,
) -> None:
    small = decode(encoded(astronaut(), "JPEG", quality=95), CAP)
    large = decode(encoded(astronaut().resize((4096, 4096)), "JPEG", quality=95), CAP)
    assert large.scale == 0.5
    first = exactly_one(dlib_analyzer.detect(small), None)
    second = exactly_one(dlib_analyzer.detect(large), None)
    assert second.box.iou(first.box.scaled(8)) >= 0.7
    a, b = (
        dlib_analyzer.embed(photo, [face])[0] for photo, face in ((small, first), (large, second))
    )
    assert 1 - ((a - b) ** 2).sum() / 2 >= 0.9


def test_a_face_that_fills_the_frame_is_found_by_the_second_look(prepared_models: Path) -> None:
    detector = build_detector(Settings(model_dir=prepared_models))
    whole = decode(encoded(astronaut(), "PNG"), CAP).rgb
    box = max(detector.detect(whole, 40), key=lambda face: face.box.area).box
    left, top = round(box.x), round(box.y)
    tight = np.ascontiguousarray(
        whole[top : top + round(box.height), left : left + round(box.width)]
    )
    [face] = detector.detect(tight, 40)
    assert face.box.iou(box.shifted(-left, -top)) >= 0.5


@pytest.mark.parametrize("side", [1, 5, 11, 12, 19, 20, 21, 40])
def test_tiny_and_empty_pictures_have_no_face(side: int, dlib_analyzer: Analyzer) -> None:
    for value in (0, 128, 255):
        photo = decode(encoded(Image.new("RGB", (side, side * 2), (value,) * 3), "PNG"), CAP)
        assert dlib_analyzer.detect(photo).usable == ()


def test_threads_get_the_same_answers(dlib_analyzer: Analyzer) -> None:
    photo = decode(encoded(astronaut(), "PNG"), CAP)
    found = dlib_analyzer.detect(photo)
    alone = dlib_analyzer.embed(photo, found.usable)
    answers: list[bool] = []

    def ask() -> None:
        same_faces = dlib_analyzer.detect(photo) == found
        answers.append(same_faces and (dlib_analyzer.embed(photo, found.usable) == alone).all())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 4


def test_no_faces_give_an_empty_matrix(embedder: Embedder) -> None:
    empty = embedder.embed(np.zeros((9, 9, 3), np.uint8), [])
    assert empty.shape == (0, embedder.spec.dimensions)
    assert empty.dtype == np.float32


def test_decoding_and_detecting_leave_standard_output_alone(
    capfd: pytest.CaptureFixture[str], prepared_models: Path
) -> None:
    detector = build_detector(Settings(model_dir=prepared_models))
    assert detector.detect(np.asarray(astronaut()), 40)
    assert detector.detect(np.zeros((100, 100, 3), np.uint8), 40) == []
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")


def test_a_gpu_that_is_not_there_is_said_and_never_replaced(prepared_models: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine's ONNX Runtime is made for CUDA")
    detector = build_detector(Settings(model_dir=prepared_models, device=Device.CUDA))
    with pytest.raises(ModelUnavailable, match="KENAL_DEVICE=cuda cannot be used"):
        detector.load()
