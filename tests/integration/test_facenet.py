"""FaceNet's whole path on random weights of the true layout, under an entry of their own."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelUnavailable
from core.files import sha256_file
from core.settings import Settings
from core.types import Box, Face, Landmarks
from pipeline.builder import build_embedder
from pipeline.embedders.align import FACENET_MARGIN, margin_crop
from pipeline.embedders.onnx_embedder import OnnxEmbedder
from pipeline.models import optimized
from pipeline.models.download import no_progress
from pipeline.models.entry import ModelEntry
from pipeline.models.prepare import fetch, fetch_entry, prepare_entry, verify_entry
from pipeline.models.prepared import is_ready, network_file, read_conversion
from pipeline.models.processor import processor
from pipeline.models.registry import FACENET

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# In a process of its own, as TensorFlow warns and this one takes warnings for errors.
MAKE_WEIGHTS_AND_ANSWERS = """
import sys, h5py, keras, numpy
from keras.src.legacy.saving import legacy_h5_format
from keras_facenet import FaceNet
from keras_facenet.inception_resnet_v1 import InceptionResNetV1
from keras_facenet.metadata import MODEL_METADATA
keras.utils.set_random_seed(3)
theirs = FaceNet.__new__(FaceNet)
theirs.metadata = MODEL_METADATA["20180402-114759"]
theirs.model = InceptionResNetV1(input_shape=(None, None, 3), classes=512)
with h5py.File(sys.argv[1], "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, theirs.model)
numpy.save(sys.argv[3], theirs.embeddings(list(numpy.load(sys.argv[2]))))
"""


def python(code: str, *arguments: Path) -> None:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=200)


def photo_and_faces() -> tuple[np.ndarray, list[Face]]:
    from skimage import data

    points = Landmarks((1, 1), (2, 1), (1, 2), (1, 3), (2, 3))
    boxes = [Box(170, 70, 110, 140), Box(-30, -20, 90, 120), Box(300, 200, 33, 40)]
    return data.astronaut(), [Face(box, 0.99, points) for box in boxes]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def entry(models: Path) -> ModelEntry:
    """Random weights in their place, pinned by their own hash, prepared; and keras's answers."""
    (models / "facenet-random").mkdir()
    weights = models / "facenet-random" / "random-weights.h5"
    rgb, faces = photo_and_faces()
    crops = np.stack([margin_crop(rgb, face.box, FACENET_MARGIN, 160) for face in faces])
    np.save(models / "crops.npy", crops)
    python(MAKE_WEIGHTS_AND_ANSWERS, weights, models / "crops.npy", models / "theirs.npy")
    pinned = replace(FACENET.files[0], name=weights.name, sha256=sha256_file(weights), url=None)
    random = replace(FACENET, id="facenet-random", files=(pinned,))
    prepare_entry(random, models, no_progress)
    return random


def test_our_embedding_is_keras_facenets_own(entry: ModelEntry, models: Path) -> None:
    rgb, faces = photo_and_faces()
    ours = build_embedder(entry, Settings(model_dir=models)).embed(rgb, faces)
    theirs = np.load(models / "theirs.npy")
    assert ours.shape == theirs.shape == (3, 512)
    assert np.abs(ours - theirs).max() <= 1e-5
    # Random weights, but no constant: different faces have different embeddings.
    assert np.abs(ours[0] - ours[1]).max() > 1e-4


def test_the_conversion_is_recorded_and_done_once(entry: ModelEntry, models: Path) -> None:
    made = read_conversion(entry, models)
    assert made is not None
    assert made.largest_difference <= 1e-5
    network, sha256 = network_file(entry, models)
    assert sha256_file(network) == made.networks["network"] == sha256
    before = network.stat().st_mtime_ns
    prepare_entry(entry, models, no_progress)
    assert network.stat().st_mtime_ns == before
    verify_entry(entry, models)


def test_serving_never_imports_tensorflow(entry: ModelEntry, models: Path) -> None:
    sha256 = json.dumps(entry.files[0].sha256)
    code = f"""
import sys
from dataclasses import replace
from pathlib import Path
from core.settings import Settings
from pipeline.builder import build_embedder
from pipeline.models.registry import FACENET
file = replace(FACENET.files[0], name="random-weights.h5", sha256={sha256})
entry = replace(FACENET, id="facenet-random", files=(file,))
build_embedder(entry, Settings(model_dir=Path(sys.argv[1]))).load()
assert not {{"tensorflow", "keras", "mtcnn", "keras_facenet"}} & set(sys.modules)
"""
    python(code, models)


def test_its_optimized_graph_answers_the_same(
    entry: ModelEntry, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if processor() is None:
        pytest.skip("this system tells no processor")
    assert optimized.optimized_files(*network_file(entry, models))
    rgb, faces = photo_and_faces()
    kept = build_embedder(entry, Settings(model_dir=models))
    kept.load()
    monkeypatch.setattr(optimized, "_open_kept", lambda *_: None)
    plain = build_embedder(entry, Settings(model_dir=models))
    assert np.abs(kept.embed(rgb, faces) - plain.embed(rgb, faces)).max() <= 1e-5


def test_a_changed_network_is_not_loaded(entry: ModelEntry, models: Path) -> None:
    network, _ = network_file(entry, models)
    whole = network.read_bytes()
    try:
        network.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
            build_embedder(entry, Settings(model_dir=models)).load()
        with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
            verify_entry(entry, models)
    finally:
        network.write_bytes(whole)


def test_weights_with_another_hash_are_never_used(entry: ModelEntry, models: Path) -> None:
    weights = models / entry.id / entry.files[0].name
    folder = models / FACENET.id
    settings = Settings(model_dir=models)
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        fetch("facenet", settings, from_file=weights)
    assert not (folder / FACENET.files[0].name).exists()
    # Even where somebody puts them under the pinned name.
    folder.mkdir(exist_ok=True)
    (folder / FACENET.files[0].name).write_bytes(weights.read_bytes())
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        prepare_entry(FACENET, models, no_progress)
    assert not is_ready(FACENET, models)
    with pytest.raises(ModelUnavailable):
        build_embedder(FACENET, settings).load()


def test_a_file_of_the_right_hash_is_taken_in(entry: ModelEntry, models: Path) -> None:
    weights = models / entry.id / entry.files[0].name
    elsewhere = replace(entry, id="facenet-copied")
    fetch_entry(elsewhere, models, no_progress, from_file=weights)
    copied = models / "facenet-copied" / weights.name
    assert sha256_file(copied) == entry.files[0].sha256


def test_weights_of_another_layout_are_not_converted(tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "w.h5").write_bytes(b"no weights at all")
    pinned = replace(FACENET.files[0], name="w.h5", sha256=sha256_file(folder / "w.h5"))
    wrong = replace(FACENET, id="wrong", files=(pinned,))
    with pytest.raises(ModelUnavailable, match="could not be converted"):
        prepare_entry(wrong, tmp_path, no_progress)
    # Nothing but the weights and the lock: no network, no part of one.
    assert {path.name for path in folder.iterdir()} == {"w.h5", ".converting.lock"}
    assert isinstance(build_embedder(wrong, Settings(model_dir=tmp_path)), OnnxEmbedder)
