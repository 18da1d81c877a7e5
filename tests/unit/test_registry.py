"""What is pinned, that it is what the packages carry, and networks brought along by a manifest."""

import importlib.util
import json
import re
import runpy
from pathlib import Path

import pytest

from core.errors import ModelUnavailable, NotFound
from core.files import sha256_bytes, sha256_file
from core.settings import Settings
from core.types import Similarity
from pipeline.builder import build_embedder
from pipeline.models.entry import FalseMatches, Role
from pipeline.models.network_input import Alignment, Layout
from pipeline.models.prepare import verify
from pipeline.models.registry import DLIB, FACENET, MTCNN, PINNED, find, model_ids
from pipeline.models.weights import packaged_path

MANIFEST = {
    "title": "A network of ours",
    "file": "ours.onnx",
    "sha256": "a" * 64,
    "license": "MIT",
    "input": {"side_px": 112, "layout": "nchw", "alignment": "arcface"},
    "dimensions": 64,
    "similarity": "cosine",
    "default_threshold": 0.4,
}


def settings_with(tmp_path: Path, manifest: object) -> Settings:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Settings(model_dir=tmp_path)


def test_everything_pinned_is_pinned_in_full() -> None:
    for entry in PINNED.values():
        assert entry.files
        assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in entry.files)
        assert all(file.url or file.package for file in entry.files)
        assert all([entry.license, entry.source, entry.input, entry.error_rates])
        if entry.role is Role.EMBEDDER:
            assert entry.dimensions > 0
            assert 0 < entry.default_threshold < 1
            assert entry.alignment
            assert entry.normalization


def test_no_two_networks_share_a_space() -> None:
    embedders = [entry for entry in PINNED.values() if entry.role is Role.EMBEDDER]
    assert len({entry.spec().digest for entry in embedders}) == len(embedders) == 3


def test_facenets_pins_are_keras_facenets_own() -> None:
    # By its path: importing the package imports TensorFlow.
    package = importlib.util.find_spec("keras_facenet")
    assert package is not None
    assert package.origin is not None
    read = runpy.run_path(str(Path(package.origin).with_name("metadata.py")))
    theirs = read["MODEL_METADATA"]["20180402-114759"]
    ours = FACENET.files[0]
    assert ours.url == theirs["keras_weights_url"]
    assert ours.sha256 == theirs["keras_weights_sha256"]
    assert ours.name == theirs["keras_weights_filename"]
    assert FACENET.dimensions == theirs["dimensions"]
    assert FACENET.pixels is not None
    assert FACENET.pixels.side_px == theirs["image_size"]
    assert theirs["fixed_image_standardization"]


def test_packaged_weights_are_the_pinned_ones() -> None:
    for entry in (DLIB, MTCNN):
        for file in entry.files:
            assert sha256_file(packaged_path(file)) == file.sha256


def test_an_unknown_network_is_named_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="known are facenet, dlib, mobilefacenet, mtcnn"):
        find("../etc", Settings(model_dir=tmp_path))


def test_a_network_of_your_own(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, MANIFEST)
    entry = find("ours", settings)
    assert model_ids(settings) == [*PINNED, "ours"]
    assert entry.spec().weights_sha256 == "a" * 64
    assert (entry.dimensions, entry.similarity) == (64, Similarity.COSINE)
    assert entry.pixels is not None
    assert (entry.pixels.layout, entry.pixels.alignment) == (Layout.NCHW, Alignment.ARCFACE)
    assert build_embedder(entry, settings).default_threshold == 0.4


def test_another_input_is_another_space(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, MANIFEST)
    first = find("ours", settings).spec().digest
    for change in ({"mean": [0.5, 0.5, 0.5]}, {"channels": "bgr"}, {"alignment": "margin"}):
        given = MANIFEST["input"]
        assert isinstance(given, dict)
        changed = {**MANIFEST, "input": {**given, **change}}
        (tmp_path / "ours" / "manifest.json").write_text(json.dumps(changed))
        assert find("ours", settings).spec().digest != first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"default_threshold": None}, "default_threshold"),
        ({"default_threshold": 1.5}, "default_threshold"),
        ({"similarity": "manhattan"}, "similarity"),
        ({"sha256": "abc"}, "sha256"),
        ({"file": "../../etc/passwd"}, "file"),
        ({"file": ".hidden"}, "file"),
        ({"dimensions": 0}, "dimensions"),
        ({"surprise": 1}, "surprise"),
        ({"unit_length": False}, "unit length"),
        ({"input": {"side_px": 112, "layout": "nchw"}}, "input.alignment"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    settings = settings_with(tmp_path, {**MANIFEST, **change})
    with pytest.raises(ModelUnavailable, match=re.escape(said)) as caught:
        find("ours", settings)
    assert str(tmp_path) not in caught.value.message


def test_what_was_measured_of_a_network_of_your_own(tmp_path: Path) -> None:
    measured = {"errors": 1, "comparisons": 48, "low": 0.0, "high": 0.11}
    found = find("ours", settings_with(tmp_path, {**MANIFEST, "false_matches": measured}))
    assert found.false_matches == FalseMatches(1, 48, 0.0, 0.11)
    assert found.false_matches.is_poor
    offered = [entry.false_matches for entry in PINNED.values() if entry.false_matches]
    assert offered
    assert not any(one.is_poor for one in offered)


@pytest.mark.parametrize("wrong", [{"errors": 49}, {"low": 0.2}, {"high": 1.5}])
def test_a_measurement_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    measured = {"errors": 1, "comparisons": 48, "low": 0.0, "high": 0.11, **wrong}
    with pytest.raises(ModelUnavailable, match="false_matches"):
        find("ours", settings_with(tmp_path, {**MANIFEST, "false_matches": measured}))


def test_an_untrained_network_is_refused_with_its_trainers_reason(tmp_path: Path) -> None:
    untrained = {**MANIFEST, "trained": False, "source": "UNTRAINED: 12 comparisons are too few"}
    with pytest.raises(ModelUnavailable) as caught:
        find("ours", settings_with(tmp_path, untrained))
    assert caught.value.message == (
        "the manifest of ours: an untrained network names people at random"
        " (12 comparisons are too few)"
    )


def test_a_manifest_without_a_threshold_is_refused(tmp_path: Path) -> None:
    manifest = {key: value for key, value in MANIFEST.items() if key != "default_threshold"}
    with pytest.raises(ModelUnavailable, match="default_threshold"):
        find("ours", settings_with(tmp_path, manifest))


def test_a_manifest_cannot_take_a_pinned_name(tmp_path: Path) -> None:
    (tmp_path / "dlib").mkdir()
    (tmp_path / "dlib" / "manifest.json").write_text(json.dumps(MANIFEST))
    settings = Settings(model_dir=tmp_path)
    assert find("dlib", settings) is DLIB
    assert model_ids(settings) == list(PINNED)


def test_a_network_with_another_hash_is_not_loaded(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, MANIFEST)
    (tmp_path / "ours" / "ours.onnx").write_bytes(b"something else")
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        build_embedder(find("ours", settings), settings).load()
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        verify("ours", settings)


def test_the_right_hash_of_no_network_is_not_loaded(tmp_path: Path) -> None:
    garbage = b"no protobuf at all"
    settings = settings_with(tmp_path, {**MANIFEST, "sha256": sha256_bytes(garbage)})
    (tmp_path / "ours" / "ours.onnx").write_bytes(garbage)
    with pytest.raises(ModelUnavailable, match="ONNX"):
        build_embedder(find("ours", settings), settings).load()


def test_a_missing_network_is_unavailable(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, MANIFEST)
    with pytest.raises(ModelUnavailable, match="not there"):
        build_embedder(find("ours", settings), settings).load()
    with pytest.raises(ModelUnavailable, match="flask models prepare facenet"):
        build_embedder(find("facenet", settings), settings).load()
