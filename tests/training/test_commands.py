"""`python -m training` on real faces, and what server and device make of its networks."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import ModelUnavailable
from core.files import sha256_file
from core.settings import Settings
from core.types import Face
from edge.recognition.embedders import embedder_of
from edge.recognition.manifest import NetworkError, read_manifest
from edge.types import Face as DeviceFace
from pipeline.builder import build_detector, build_embedder
from pipeline.images.decode import Pixels
from pipeline.models.registry import find
from tests.training.faces_kit import PEOPLE, PHOTOS, twelve
from tests.training.kit import colors, python, recorded
from tests.training.ran_kit import NETWORK, Ran, commands_of
from training.held_out import TARGETS

# The first test waits for all commands, which share a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, shared_dir: Path, model_dir: Path) -> Ran:
    base = tmp_path_factory.mktemp("training")
    models = base / "models"
    models.mkdir()
    for name in ("mtcnn", "mobilefacenet"):
        (models / name).symlink_to(model_dir / name)
    commands = commands_of(base, shared_dir, models / "ours")
    told = [[str(part) for part in command] for command in commands]
    (base / "commands.json").write_text(json.dumps(told))
    rgb, face = one_face(base / "people" / "p01" / "img2.jpg", models)
    np.save(base / "face.npy", bgr_of(rgb))
    (base / "face.json").write_text(json.dumps([corners_of(face), face.landmarks.points()]))
    settings = {"MODEL_DIR": models, "DATA_DIR": base / "data"}
    said = python(["-m", "tests.training.keras_program", str(base)], settings)
    return Ran(base, models, json.loads(said.splitlines()[-1]), rgb, face)


def test_classification_has_everything(ran: Ran) -> None:
    said = ran.out(0)
    assert f"{PHOTOS} photos of {PEOPLE} people, 2 parts" in said
    assert {path.name for path in (ran.base / "c").iterdir()} == {
        "results.json",
        "model",
        "learning-loss.png",
        "learning-accuracy.png",
        "confusion.png",
        "methods.png",
        "strangers-softmax.png",
        "strangers-centroid.png",
    }
    found = recorded(ran.base / "c" / "results.json")
    assert set(found["methods"]) == {"head", "centroid", "nearest photo", "vote of 5"}
    matrix = np.asarray(found["confusion"])
    assert matrix.shape == (PEOPLE, PEOPLE)
    assert matrix.sum() == PHOTOS
    # Every photo was held out once, so the matrix's errors are the method's.
    wrong = int(matrix.sum() - np.trace(matrix))
    assert found["methods"]["head"]["wrong"]["errors"] == wrong
    assert wrong <= 2
    assert [one["photos"] for one in found["by_person"]] == matrix.sum(axis=1).tolist()
    # Every person was a stranger once, and 34 photos do not show a rate of 1 %.
    strangers = found["rejection"]["centroid"]
    assert strangers["strangers_named"]["trials"] == PHOTOS
    assert not strangers["is_shown"]
    assert "too few to say" in said
    for fold in found["folds"]:
        assert len(fold["curves"]["loss"]) == len(fold["curves"]["held_out_loss"]) <= 6


def test_plots_are_pictures(ran: Ran) -> None:
    pictures = [path for folder in "cem" for path in ran.base.glob(f"{folder}/*.png")]
    assert len(pictures) == 12
    for path in pictures:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.shape[0] > 400
        assert colors(picture) > 20


def test_nothing_that_is_written_tells_a_vector_or_a_folder(ran: Ran) -> None:
    for path in [*ran.base.glob("[cem]/*.json"), *ran.base.glob("[cem]/*/*.json")]:
        assert str(ran.base) not in path.read_text()


def test_prediction_names_who_is_known_and_no_stranger(ran: Ran) -> None:
    assert "unknown" in ran.out(1)
    assert "the 12 people it was trained on, and nobody else" in ran.out(1)
    assert "a name may be a stranger's" in ran.out(1)
    known, stranger, nobody = recorded(ran.base / "predicted" / "predictions.json")["predictions"]
    assert known["photo"] == "img1.jpg"
    assert known["name"] == "p01"
    assert stranger["name"] is None
    assert stranger["similarity"] < stranger["threshold"]
    assert nobody["refused"] == "no_face"


def test_a_changed_model_is_not_used(ran: Ran, tmp_path: Path) -> None:
    from training.saved import load

    for path in (ran.base / "c" / "model").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "centroids.npy").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelUnavailable, match=r"centroids.npy is not the file"):
        load(tmp_path)


def test_a_projection_is_measured_on_people_held_out(ran: Ran) -> None:
    assert "ONNX answers as trained within" in ran.out(2)
    found = recorded(ran.base / "e" / "results.json")
    assert len(found["parts"]) == 3
    assert sum(part["people"]["held_out"] for part in found["parts"]) == PEOPLE
    for part in found["parts"]:
        assert sum(part["people"].values()) == PEOPLE
        assert set(part["after"]["fnmr_at_fmr"]) == {f"{target:g}" for target in TARGETS}
        # Some dozens of comparisons say nothing of one in a thousand.
        assert part["after"]["fnmr_at_fmr"]["0.001"] is None
        course = part["course"]
        assert course["kept"] == int(np.argmax(course["aucs"]))
    assert found["gain"]["parts"] == 3


def test_a_projected_network_is_one_for_the_server(ran: Ran) -> None:
    (ran.models / "projected").symlink_to(ran.base / "e" / "network")
    settings = Settings(model_dir=ran.models)
    network = build_embedder(find("projected", settings), settings)
    vector = network.embed(ran.rgb, [ran.face])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    plain = build_embedder(find("mobilefacenet", settings), settings).embed(ran.rgb, [ran.face])[0]
    assert network.spec.digest != find("mobilefacenet", settings).spec().digest
    course = recorded(ran.base / "e" / "results.json")["parts"][0]["course"]
    # Where no epoch was better, the projection is the identity.
    assert course["kept"] > 0 or np.allclose(vector, plain, atol=1e-5)


def test_the_mobilenet_is_trained_measured_and_converted(ran: Ran) -> None:
    assert "Threshold 0." in ran.out(3)
    assert "The server loads" in ran.out(4)
    record = recorded(ran.models / "ours" / "convert.json")
    assert record["parity"]["faces"] >= 30
    assert max(record["parity"]["onnx"], record["parity"]["tflite"]) <= 1e-4
    held = record["provenance"]["held_out"]
    assert record["provenance"]["trained"] is True
    assert (held["people"], held["photos"]) == (6, 18)
    assert held["eer"] < 0.4
    assert held["fmr_at_threshold"] < held["fmr_bound"] <= 0.2
    assert all(timing["median_ms"] > 0 for timing in record["one_thread"].values())


def one_face(photo: Path, models: Path) -> tuple[Pixels, Face]:
    """The largest face of a photo, in pixels of it."""
    bgr = cv2.imread(str(photo))
    assert bgr is not None
    rgb = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
    detector = build_detector(Settings(model_dir=models))
    return rgb, max(detector.detect(rgb, 40), key=lambda face: face.box.area)


def bgr_of(rgb: Pixels) -> Pixels:
    return np.ascontiguousarray(rgb[..., ::-1])


def corners_of(face: Face) -> tuple[float, float, float, float]:
    return face.box.x, face.box.y, face.box.width, face.box.height


def test_server_and_device_give_the_same_vector(ran: Ran) -> None:
    settings = Settings(model_dir=ran.models)
    served = build_embedder(find("ours", settings), settings).embed(ran.rgb, [ran.face])[0]
    device = embedder_of(ran.models / "ours" / "manifest.json")
    assert device.network.sha256 == sha256_file(ran.models / "ours" / "network.onnx")
    face = DeviceFace(corners_of(ran.face), ran.face.landmarks.points(), 0.99)
    np.testing.assert_allclose(device.embed(bgr_of(ran.rgb), face), served, atol=1e-4)
    # TensorFlow Lite as it answered in the other process: only training has TensorFlow.
    np.testing.assert_allclose(ran.said["on_device"], served, atol=1e-4)


def test_a_network_that_was_only_built_is_refused(ran: Ran) -> None:
    assert "may name nobody: it was built and never trained" in ran.out(5)
    told = recorded(ran.base / "untrained" / "provenance.json")
    assert (told["trained"], told["threshold"]) == (False, None)


def test_refusals_say_what_to_do(ran: Ran) -> None:
    expected = [
        "invalid_parameter: at least two people",
        "invalid_parameter: --out is a folder outside of DATASET",
        "not_found: there is no network of that name",
        "model_unavailable: the weights of FaceNet",
        "model_unavailable: network.keras and provenance.json are not there",
        "invalid_parameter: --alpha is one of",
        "invalid_parameter: 9 parts need at least 18 people",
        "invalid_parameter: the file of --weights cannot be read",
    ]
    for at, words in enumerate(expected, 6):
        assert ran.errors(at).splitlines()[-1].startswith(words)
        assert "Traceback" not in ran.errors(at)
        assert str(ran.base) not in ran.errors(at)


def test_weights_that_cannot_be_downloaded_are_told_in_one_line(ran: Ran) -> None:
    said = ran.said["imagenet"]
    assert said["code"] == 1
    # Keras warns of the size before, with the place of its file.
    (line,) = said["errors"].splitlines()
    assert line.startswith("not_ready: ImageNet's weights of MobileNetV2 cannot be had")


def test_a_training_that_diverges_is_refused(ran: Ran) -> None:
    assert ran.said["diverged"] == "the training left all bounds: try a lower --rate"


def test_losses_are_the_papers(ran: Ran) -> None:
    given = ran.said["losses"]
    cosines = np.reshape(given["cosines"], (6, 4))
    rows, people = np.reshape(given["rows"], (6, 5)), np.repeat(range(3), 2)
    for name, margin in (("arcface", 0.3), ("no_margin", 0.0)):
        logits = 8 * cosines
        own = np.arccos(cosines[np.arange(6), people])
        assert (own + margin < np.pi).all()
        logits[np.arange(6), people] = 8 * np.cos(own + margin)
        expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6), people]
        np.testing.assert_allclose(given[name], expected, rtol=1e-3, atol=1e-4)
    squared = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    same = people[:, None] == people[None]
    furthest = np.where(same, squared, -1).max(axis=1)
    closest = np.where(same, 9, squared).min(axis=1)
    expected = np.log1p(np.exp(10 * (furthest - closest)))
    np.testing.assert_allclose(given["triplet"], expected, rtol=1e-4)


def test_training_beats_the_centroid_where_there_is_something_to_learn(ran: Ran) -> None:
    found = ran.said["heads"]
    assert found["wrong"]["head"] < 0.8 * found["wrong"]["centroid"]
    losses, epochs = found["val"], found["epochs"]
    assert losses[epochs - 1] <= min(losses) + 0.001 * len(losses)


@pytest.mark.parametrize("loss", ["arcface", "triplet"])
def test_a_projection_helps_people_it_never_saw(ran: Ran, loss: str) -> None:
    found = ran.said[loss]
    assert found["untouched"]
    assert found["after"] > found["before"] + 0.02
    # The network ends as it was in its best epoch.
    assert found["stop_auc"] == pytest.approx(found["best_auc"], abs=1e-9)


def test_devices_refuse_what_the_trainer_did_not_release(ran: Ran, tmp_path: Path) -> None:
    from training.manifests import manifest_json
    from training.provenance import Provenance

    told = Provenance.model_validate(recorded(ran.base / "untrained" / "provenance.json"))
    (tmp_path / "manifest.json").write_bytes(manifest_json(told, "network.onnx", "0" * 64, "here"))
    with pytest.raises(NetworkError):
        read_manifest(tmp_path / "manifest.json")


@pytest.mark.skipif("TRAINING_WHOLE" not in os.environ, reason="minutes: TRAINING_WHOLE=1 runs it")
def test_the_whole_training_of_twelve_people(
    tmp_path: Path, shared_dir: Path, model_dir: Path
) -> None:
    """As a person runs it: eight views of each photo, every default but the network."""
    people = twelve(shared_dir, tmp_path / "people")
    command = ["-m", "training", "classify", str(people), *NETWORK, "--augmentation", "strong"]
    said = python(
        [*command, "--out", str(tmp_path / "out")], {"MODEL_DIR": model_dir, "DATA_DIR": tmp_path}
    )
    assert f"{PHOTOS} photos of {PEOPLE} people, 5 parts" in said
    found = recorded(tmp_path / "out" / "results.json")
    assert found["methods"]["head"]["wrong"]["errors"] <= 1
    assert found["methods"]["centroid"]["wrong"]["errors"] <= 1
