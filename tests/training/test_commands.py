"""`python -m training` on real faces, and what server and device make of its networks."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.errors import ModelUnavailable
from core.files import sha256_file
from core.settings import Settings
from core.types import Box, Face, Landmarks
from edge.recognition.embedders import embedder_of
from edge.recognition.manifest import NetworkError, read_manifest
from edge.types import Face as DeviceFace
from pipeline.builder import build_detector, build_embedder
from pipeline.images.decode import Pixels
from pipeline.models.registry import find
from tests.training.faces_kit import PEOPLE, PHOTOS, retaken, twelve
from tests.training.kit import python, recorded
from training.held_out import TARGETS

# The first test waits for all commands, which share a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NETWORK = ["--embedder", "mobilefacenet"]
ON_DEVICE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from pathlib import Path
from edge.recognition.embedders import embedder_of
from edge.types import Face
image, box, landmarks = np.load(sys.argv[2]), *json.loads(sys.argv[3])
face = Face(tuple(box), tuple(map(tuple, landmarks)), 0.99)
print(json.dumps(embedder_of(Path(sys.argv[1])).embed(image, face).tolist()))
"""


class Ran:
    """Where everything is, and what each command said."""

    def __init__(self, base: Path, models: Path, said: Any) -> None:
        self.base, self.models, self.said = base, models, said

    def out(self, at: int, code: int = 0) -> str:
        command = self.said["commands"][at]
        assert command["code"] == code, command["errors"]
        return str(command["out"])

    def errors(self, at: int) -> str:
        assert self.said["commands"][at]["code"] == 1
        return str(self.said["commands"][at]["errors"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, shared_dir: Path, model_dir: Path) -> Ran:
    base = tmp_path_factory.mktemp("training")
    models = base / "models"
    models.mkdir()
    for name in ("mtcnn", "mobilefacenet"):
        (models / name).symlink_to(model_dir / name)
    people, easy = twelve(shared_dir, base / "people"), retaken(shared_dir, base / "easy")
    stranger = shared_dir / "faces" / "gallery" / "test" / "alex_lacamoire1.jpg"
    group = shared_dir / "faces" / "detection" / "017_0.jpg"
    known, head = people / "p01" / "img1.jpg", ["--epochs", "3", "--fmr", "0.6", "--folds", "3"]
    taught = ["--fmr", "0.2", "--folds", "3", "--epochs", "5"]
    commands = [
        ["classify", people, *NETWORK, "--folds", "2", "--epochs", "6", "--out", base / "c"],
        ["predict", base / "c" / "model", known, stranger, group, "--out", base / "predicted"],
        ["embed-head", people, *NETWORK, *head, "--augmentation", "none", "--out", base / "e"],
        ["build-mobilenet", easy, *taught, "--augmentation", "none", "--out", base / "m"],
        ["convert", base / "m", "--photos", people, "--runs", "5", "--out", models / "ours"],
        ["build-mobilenet", "--out", base / "untrained"],
        ["classify", base / "c", *NETWORK, "--out", base / "x"],
        ["classify", people, *NETWORK, "--out", people / "x"],
        ["classify", people, "--embedder", "nobody-knows", "--out", base / "x"],
        ["convert", "facenet", "--photos", people, "--out", base / "x"],
        ["convert", base / "c", "--photos", people, "--out", base / "x"],
        ["build-mobilenet", "--alpha", "0.4", "--out", base / "x"],
        ["embed-head", people, *NETWORK, "--folds", "9", "--out", base / "x"],
    ]
    file = base / "commands.json"
    file.write_text(json.dumps([[str(part) for part in command] for command in commands]))
    settings = {"MODEL_DIR": models, "DATA_DIR": base / "data"}
    said = python(["-m", "tests.training.keras_program", str(file)], settings)
    return Ran(base, models, json.loads(said.splitlines()[-1]))


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
    for path in [*ran.base.glob("c/*.png"), *ran.base.glob("e/*.png"), *ran.base.glob("m/*.png")]:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.shape[0] > 400
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_nothing_that_is_written_tells_a_vector_or_a_folder(ran: Ran) -> None:
    for path in [*ran.base.glob("[cem]/*.json"), *ran.base.glob("[cem]/*/*.json")]:
        assert str(ran.base) not in path.read_text()


def test_prediction_names_who_is_known_and_no_stranger(ran: Ran) -> None:
    assert "unknown" in ran.out(1)
    known, stranger, nobody = recorded(ran.base / "predicted" / "predictions.json")["predictions"]
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
    rgb, face = one_face(ran)
    vector = network.embed(rgb, [face])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    plain = build_embedder(find("mobilefacenet", settings), settings).embed(rgb, [face])[0]
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


def one_face(ran: Ran) -> tuple[Pixels, Face]:
    """The largest face of a photo, in pixels of it."""
    bgr = cv2.imread(str(ran.base / "people" / "p01" / "img2.jpg"))
    assert bgr is not None
    rgb = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
    detector = build_detector(Settings(model_dir=ran.models))
    return rgb, max(detector.detect(rgb, 40), key=lambda face: face.box.area)


def test_server_and_device_give_the_same_vector(ran: Ran, tmp_path: Path) -> None:
    settings = Settings(model_dir=ran.models)
    rgb, face = one_face(ran)
    box: Box = face.box
    points: Landmarks = face.landmarks
    served = build_embedder(find("ours", settings), settings).embed(rgb, [face])[0]
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    corners = (box.x, box.y, box.width, box.height)
    device = embedder_of(ran.models / "ours" / "manifest.json")
    assert device.network.sha256 == sha256_file(ran.models / "ours" / "network.onnx")
    told = device.embed(bgr, DeviceFace(corners, points.points(), 0.99))
    np.testing.assert_allclose(told, served, atol=1e-4)
    # TensorFlow Lite in a process of its own: only training has TensorFlow.
    np.save(tmp_path / "image.npy", bgr)
    place, image = ran.models / "ours" / "manifest.toml", tmp_path / "image.npy"
    shown = json.dumps([corners, points.points()])
    said = python(["-c", ON_DEVICE, str(place), str(image), shown], {})
    np.testing.assert_allclose(json.loads(said.splitlines()[-1]), served, atol=1e-4)


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
    ]
    for at, words in enumerate(expected, 6):
        assert ran.errors(at).splitlines()[-1].startswith(words)
        assert "Traceback" not in ran.errors(at)
        assert str(ran.base) not in ran.errors(at)


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
    assert found["held_out"] == list(range(84))
    assert sum(found["strangers"]) == 84
    for epochs, losses in zip(found["epochs"], found["val"], strict=True):
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
