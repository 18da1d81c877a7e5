"""Networks of one's own on the device: the same vectors, or a refusal that says why."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core.types import Box as ServerBox
from core.types import Face as ServerFace
from core.types import Landmarks as ServerLandmarks
from edge.detection import YuNet
from edge.embedding import MobileFaceNet
from edge.recognition import runtimes
from edge.recognition.cropping import network_input
from edge.recognition.embedders import Embedder, embedder_of
from edge.recognition.manifest import Input, NetworkError, read_manifest
from edge.recognition.runtimes import quantized, restored, tflite_run
from edge.types import Face, Pixels
from pipeline.models import network_input as server
from pipeline.models.custom import Manifest as ServerManifest
from tests.edge.sights import face
from tests.edge.test_detection import photo
from tests.edge.test_quality import noise

SIDE = 16
MOBILEFACENET = {
    "title": "mobilefacenet",
    "license": "Apache-2.0",
    "error_rates": "Measured on 300 pairs",
    "dimensions": 128,
    "similarity": "cosine",
    "default_threshold": 0.49,
    "mirror": True,
    "input": {
        "side_px": 112,
        "layout": "nchw",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "alignment": "arcface",
    },
}


def tiny(layout: str = "nchw", constant: bool = False) -> bytes:
    """A real network: the 16x16 picture's numbers times a matrix."""
    shape = [1, 3, SIDE, SIDE] if layout == "nchw" else [1, SIDE, SIDE, 3]
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, 8)).astype(np.float32)
    bias = np.full(8, 1e6 if constant else 0.01, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w", "b"], ["y"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
        [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(bias, "b")],
    )
    opset = [helper.make_opsetid("", 13)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(made.SerializeToString())


def toml(told: dict[str, Any]) -> str:
    """Enough TOML for a manifest: json's values are TOML's."""
    flat = [f"{name} = {json.dumps(one)}" for name, one in told.items() if name != "input"]
    table = [f"{name} = {json.dumps(one)}" for name, one in told.get("input", {}).items()]
    return "\n".join([*flat, "[input]", *table])


def manifest(**more: Any) -> dict[str, Any]:
    given = {"side_px": SIDE, "layout": "nchw", "alignment": "margin", "margin": 0.1}
    whole = {"title": "tiny", "dimensions": 8, "default_threshold": 0.5, "trained": True}
    return {**whole, "input": given, **more}


def write(folder: Path, content: bytes, told: dict[str, Any], suffix: str = ".toml") -> Path:
    """A network and its manifest, and where that is."""
    file = str(told.get("file", "network.onnx"))
    (folder / "network.onnx").write_bytes(content)
    named = {"file": file, "sha256": hashlib.sha256(content).hexdigest(), **told}
    place = folder / f"manifest{suffix}"
    place.write_text(json.dumps(named) if suffix == ".json" else toml(named))
    return place


def copied(tmp_path: Path, shared_dir: Path, suffix: str) -> Path:
    content = (shared_dir / "models" / "mobilefacenet.onnx").read_bytes()
    told = MOBILEFACENET if suffix == ".json" else {**MOBILEFACENET, "trained": True}
    return write(tmp_path, content, told, suffix)


def seen(shared_dir: Path, name: str) -> tuple[Pixels, Face]:
    image = photo(shared_dir / "faces" / "gallery" / name)
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx", search_px=640)
    return image, yunet.find(image)[0]


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_mobilefacenet_by_a_manifest_is_mobilefacenet(
    tmp_path: Path, shared_dir: Path, suffix: str
) -> None:
    own = embedder_of(shared_dir / "models" / "mobilefacenet.onnx")
    described = embedder_of(copied(tmp_path, shared_dir, suffix))
    assert described.network == own.network
    network = MobileFaceNet(shared_dir / "models" / "mobilefacenet.onnx")
    for name in ("obama-240p.jpg", "obama-480p.jpg"):  # faces that are hardly made smaller
        image, shown = seen(shared_dir, name)
        vector = described.embed(image, shown)
        assert np.array_equal(vector, own.embed(image, shown))
        assert float(vector @ network.embed(image, shown.landmarks)) > 0.9999


def test_one_json_manifest_does_for_the_server_and_the_device(
    tmp_path: Path, shared_dir: Path
) -> None:
    place = copied(tmp_path, shared_dir, ".json")
    theirs, ours = ServerManifest.model_validate_json(place.read_bytes()), read_manifest(place)
    assert (theirs.title, theirs.file, theirs.sha256) == (ours.title, ours.file, ours.sha256)
    assert (theirs.dimensions, theirs.mirror) == (ours.dimensions, ours.mirror)
    assert theirs.default_threshold == ours.threshold
    for field in dataclasses.fields(Input):
        assert getattr(theirs.input, field.name) == getattr(ours.input, field.name)


@pytest.mark.parametrize("alignment", ["arcface", "margin"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize("width", [30.0, 120.0, 400.0])
def test_a_face_is_cut_out_as_the_server_does(
    alignment: str, layout: str, channels: str, width: float
) -> None:
    image, shown = noise(1), face((100, 20, width, width * 1.2))
    mean, std = (0.5, 0.4, 0.3), (0.5, 0.6, 0.7)
    ours = network_input(
        image, shown, Input(64, layout, channels, mean, std, alignment, margin=0.2)
    )
    theirs = server.OnnxInput(
        64, server.Layout(layout), mean, std, server.Alignment(alignment), 0.2, channels == "bgr"
    )
    cut = server.crop(np.ascontiguousarray(image[..., ::-1]), of_server(shown), theirs)
    assert ours is not None
    assert np.allclose(ours, server.network_input([cut], theirs), atol=0.02)


def of_server(shown: Face) -> ServerFace:
    return ServerFace(ServerBox(*shown.box), 0.9, ServerLandmarks(*shown.landmarks))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_network_of_ones_own(tmp_path: Path, layout: str) -> None:
    given = {**manifest()["input"], "layout": layout}
    own = embedder_of(write(tmp_path, tiny(layout), manifest(input=given)))
    assert (own.network.dimensions, own.network.threshold) == (8, 0.5)
    one, other = own.embed(noise(1), face()), own.embed(noise(2), face())
    assert float(np.linalg.norm(one)) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(one, other)


def test_the_mirrored_face_is_added(tmp_path: Path) -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, :240] = 255  # a third of the face is bright
    flipped = np.ascontiguousarray(image[:, ::-1])
    shown, turned = face((200, 100, 120, 120)), face((320, 100, 120, 120))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    given = {**manifest()["input"], "mean": [0.5, 0.5, 0.5]}
    plain = embedder_of(write(tmp_path / "one", tiny(), manifest(input=given)))
    both = embedder_of(write(tmp_path / "two", tiny(), manifest(input=given, mirror=True)))
    assert float(plain.embed(image, shown) @ plain.embed(flipped, turned)) < 0.99
    assert float(both.embed(image, shown) @ both.embed(flipped, turned)) > 0.999


def test_a_face_that_is_no_place_is_nobody(tmp_path: Path) -> None:
    own = embedder_of(write(tmp_path, tiny(), manifest()))
    assert not own.embed(noise(1), face((float("nan"), 1, 2, 3))).any()


def test_the_same_weights_given_other_pixels_are_another_network(tmp_path: Path) -> None:
    ids = {embedder_of(write(tmp_path, tiny(), manifest())).network.id}
    for more in ({"mean": [0.5, 0.5, 0.5]}, {"margin": 0.2}, {"channels": "bgr"}):
        told = manifest(input={**manifest()["input"], **more})
        ids.add(embedder_of(write(tmp_path, tiny(), told)).network.id)
    ids.add(embedder_of(write(tmp_path, tiny(), manifest(mirror=True))).network.id)
    assert len(ids) == 5


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no threshold": ({"default_threshold": None}, "default_threshold"),
    "a threshold for all": ({"default_threshold": 0.0}, "default_threshold"),
    "a threshold of words": ({"default_threshold": "0.5"}, "default_threshold"),
    "untrained": ({"trained": False}, "untrained"),
    "training not stated": ({"trained": None}, "untrained"),
    "trained as text": ({"trained": "true"}, "untrained"),
    "another file": ({"sha256": "0" * 64}, "is not tiny"),
    "no hash": ({"sha256": None}, "sha256"),
    "a path": ({"file": "../network.onnx"}, "file"),
    "a hidden file": ({"file": ".network.onnx"}, "file"),
    "another kind": ({"file": "network.pt"}, "file"),
    "no file": ({"file": "none.onnx"}, "cannot be read"),
    "other dimensions": ({"dimensions": 9}, "9 numbers"),
    "dimensions as a flag": ({"dimensions": True}, "dimensions"),
    "euclidean": ({"similarity": "euclidean"}, "cosine"),
    "not of unit length": ({"unit_length": False}, "unit length"),
    "an unknown field": ({"treshold": 0.5}, "treshold"),
    "no input": ({"input": {}}, "side_px"),
    "another size": ({"input": {"side_px": 32}}, "does not take"),
    "no layout": ({"input": {"layout": None}}, "layout"),
    "another layout": ({"input": {"layout": "nhwc"}}, "does not take"),
    "no alignment": ({"input": {"alignment": None}}, "alignment"),
    "a mean of two": ({"input": {"mean": [1.0, 2.0]}}, "mean"),
    "a deviation of zero": ({"input": {"std": [0.0, 1.0, 1.0]}}, "std"),
    "an unknown field of the input": ({"input": {"size": 3}}, "input.size"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_said(tmp_path: Path, name: str) -> None:
    more, word = WRONG[name]
    given = {**manifest()["input"], **more.get("input", {})} if more.get("input") != {} else {}
    given = {field: one for field, one in given.items() if one is not None}
    told = {**manifest(), "sha256": hashlib.sha256(tiny()).hexdigest(), **more, "input": given}
    if told["sha256"] is None:
        told["sha256"] = ""
    place = write(tmp_path, tiny(), {key: one for key, one in told.items() if one is not None})
    with pytest.raises(NetworkError, match=word) as said:
        embedder_of(place)
    assert str(tmp_path) not in str(said.value)


@pytest.mark.parametrize("rates", [None, "", "not stated"])
def test_a_manifest_of_the_servers_without_rates_is_refused(
    tmp_path: Path, rates: str | None
) -> None:
    told = manifest()
    del told["trained"]
    place = write(
        tmp_path, tiny(), told if rates is None else told | {"error_rates": rates}, ".json"
    )
    with pytest.raises(NetworkError, match="untrained"):
        embedder_of(place)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]", b"title = ", b"a" * 200_000, b"[" * 90_000])
@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: bytes, suffix: str) -> None:
    place = tmp_path / f"manifest{suffix}"
    place.write_bytes(text)
    with pytest.raises(NetworkError):
        read_manifest(place)


def test_a_network_that_does_not_look_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="is it trained"):
        embedder_of(write(tmp_path, tiny(constant=True), manifest()))


@pytest.mark.parametrize("content", [b"", b"no network", tiny()[:-100]])
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NetworkError):
        embedder_of(write(tmp_path, content, manifest()))
    with pytest.raises(NetworkError, match="is not mobilefacenet"):
        embedder_of(tmp_path / "network.onnx")
    with pytest.raises(NetworkError, match="cannot be read"):
        embedder_of(tmp_path / "none.onnx")


def test_opencv_gives_the_same_where_onnx_runtime_is_not(
    tmp_path: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vector(own: Embedder) -> Any:
        return own.embed(noise(1), face())

    model = shared_dir / "models" / "mobilefacenet.onnx"
    with_runtime = vector(embedder_of(model))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert float(vector(embedder_of(model)) @ with_runtime) > 0.9999


def test_without_tensorflow_lite_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "TFLITE", ("no_such_package.interpreter",))
    with pytest.raises(NetworkError, match="ai-edge-litert"):
        tflite_run(b"")


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_whole_numbers_are_scaled(kind: type) -> None:
    tensor = {"dtype": kind, "quantization": (0.05, 10)}
    values = np.asarray([-0.5, 0.0, 0.1, 4.0, -1e9, 1e9], np.float32)
    coded = quantized(values, tensor)
    assert coded.dtype == kind
    assert coded.tolist()[:4] == [0, 10, 12, 90]
    assert coded.tolist()[4:] == [np.iinfo(kind).min, np.iinfo(kind).max]
    assert np.allclose(restored(coded, tensor)[:4], values[:4])


TFLITE_PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf
from edge.recognition.embedders import embedder_of
from edge.recognition.manifest import NetworkError
from edge.recognition.runtimes import tflite_run
from tests.edge.sights import face
from tests.edge.test_quality import noise
from tests.edge.test_embedders import manifest, write, SIDE

folder = Path(sys.argv[1])
tf.keras.utils.set_random_seed(1)
layers = tf.keras.layers
net = tf.keras.Sequential([
    tf.keras.Input((SIDE, SIDE, 3)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten(),
    layers.Dense(8),
])
rng = np.random.default_rng(2)
pictures = rng.random((50, 1, SIDE, SIDE, 3)).astype(np.float32)
def convert(kind):
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    if kind is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one] for one in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = kind
    return converter.convert()
def unit(vector):
    return vector / np.linalg.norm(vector)
wanted = net.predict(pictures[0], verbose=0)[0]
told = {}
for name, kind in {"float": None, "int8": tf.int8, "uint8": tf.uint8}.items():
    content = convert(kind)
    (folder / f"{name}.tflite").write_bytes(content)
    told[name] = float(unit(tflite_run(content)(pictures[0])) @ unit(wanted))
    given = {"side_px": SIDE, "layout": "nhwc", "alignment": "margin"}
    place = write(folder, content, manifest(file=f"{name}.tflite", input=given))
    vector = embedder_of(place).embed(noise(1), face())
    told[name + " length"] = float(np.linalg.norm(vector))
try:
    tflite_run(b"no network at all")
except NetworkError as error:
    told["refused"] = str(error)
print(json.dumps(told))
"""


@pytest.mark.slow
def test_tensorflow_lite_networks_give_what_the_network_gives(tmp_path: Path) -> None:
    if find_spec("tensorflow") is None:
        pytest.skip("no TensorFlow: nothing here makes a .tflite network")
    done = subprocess.run(
        [sys.executable, "-c", TFLITE_PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["float"] > 0.99999
    assert min(told["int8"], told["uint8"]) > 0.97
    assert [told[f"{kind} length"] for kind in ("float", "int8", "uint8")] == pytest.approx(
        [1, 1, 1], abs=1e-5
    )
    assert "TensorFlow Lite" in told["refused"]
