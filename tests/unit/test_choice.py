"""What `auto` becomes, with and without the weights' host."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.files import sha256_bytes
from core.settings import Settings
from pipeline.models.choice import Choice, choose, resolve
from pipeline.models.download import reachable
from pipeline.models.prepared import Conversion, converted_folder, record_conversion
from pipeline.models.registry import FACENET


def yes(url: str) -> bool:
    return True


def no(url: str) -> bool:
    return False


def never(url: str) -> bool:
    raise AssertionError("no host is asked where the answer is known")


def settings(tmp_path: Path, embedder: str = "auto") -> Settings:
    return Settings(model_dir=tmp_path, embedder=embedder)


def test_a_named_embedder_is_taken_as_it_is(tmp_path: Path) -> None:
    choice = resolve(settings(tmp_path, "mobilefacenet"), never)
    assert choice == Choice("mobilefacenet", "set by KENAL_EMBEDDER")


def test_facenet_where_its_host_answers(tmp_path: Path) -> None:
    choice = resolve(settings(tmp_path), yes)
    assert choice.embedder == "facenet"
    assert "github.com" in choice.reason


def test_dlib_elsewhere_and_how_to_switch(tmp_path: Path) -> None:
    choice = resolve(settings(tmp_path), no)
    assert choice.embedder == "dlib"
    assert "could not be fetched from github.com; using dlib" in choice.reason
    assert "flask models fetch facenet --from-file FILE" in choice.reason
    assert str(tmp_path) not in choice.reason


def test_weights_that_are_here_need_no_host(tmp_path: Path) -> None:
    (tmp_path / "facenet").mkdir()
    (tmp_path / "facenet" / FACENET.files[0].name).write_bytes(b"weights")
    assert resolve(settings(tmp_path), never).embedder == "facenet"


def test_a_prepared_network_needs_no_host(tmp_path: Path) -> None:
    network = converted_folder(FACENET, tmp_path) / "network.onnx"
    network.parent.mkdir(parents=True)
    network.write_bytes(b"network")
    made = Conversion({"network": sha256_bytes(b"network")}, 0.0)
    record_conversion(FACENET, tmp_path, made)
    assert resolve(settings(tmp_path), never).embedder == "facenet"


def test_a_network_of_other_weights_is_not_taken_for_it(tmp_path: Path) -> None:
    other = replace(FACENET, files=(replace(FACENET.files[0], sha256="0" * 64),))
    network = converted_folder(other, tmp_path) / "network.onnx"
    network.parent.mkdir(parents=True)
    network.write_bytes(b"network")
    made = Conversion({"network": sha256_bytes(b"network")}, 0.0)
    record_conversion(other, tmp_path, made)
    assert resolve(settings(tmp_path), no).embedder == "dlib"


@pytest.mark.parametrize("url", ["http://weights.invalid/x", "http://127.0.0.1:9/x"])
def test_an_unreachable_host_costs_seconds(url: str, tmp_path: Path) -> None:
    away = replace(FACENET, files=(replace(FACENET.files[0], url=url),))
    started = time.perf_counter()
    assert choose(away, settings(tmp_path), reachable).embedder == "dlib"
    assert time.perf_counter() - started < 5
