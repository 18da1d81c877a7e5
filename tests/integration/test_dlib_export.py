"""dlib's recognition network in ONNX: dlib's own answers, on real faces, to the last digits."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import pytest

from core.errors import ModelUnavailable
from core.files import sha256_file
from core.types import Box, Face, Landmarks, Matrix
from pipeline.embedders.align import dlib_square
from pipeline.embedders.dlib_resnet import CHIP_PADDING, CHIP_SIDE_PX, DlibEmbedder
from pipeline.images.decode import Pixels, decode
from pipeline.models.dlib_export import NETWORK_NAME, largest_difference
from pipeline.models.onnx_runtime import open_network
from pipeline.models.registry import DLIB
from pipeline.models.weights import packaged_path

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CLOSE = 1e-5
RECOGNIZER, PREDICTOR = (packaged_path(file) for file in DLIB.files)
PHOTOS = ("pairs/couple", "pairs/img1", "pairs/img10", "gallery/obama-240p", "gallery/obama-1080p")
ANYWHERE = Landmarks((1, 1), (2, 1), (1, 2), (1, 3), (2, 3))  # dlib finds its own


@dataclass(frozen=True)
class Dlib:
    """The same faces by dlib alone."""

    predictor: Any
    recognizer: Any

    def chips(self, rgb: Pixels, faces: list[Face]) -> list[Pixels]:
        points = [self.predictor(rgb, dlib.rectangle(*dlib_square(face))) for face in faces]
        return [dlib.get_face_chip(rgb, each, CHIP_SIDE_PX, CHIP_PADDING) for each in points]

    def embed(self, rgb: Pixels, faces: list[Face]) -> Matrix:
        chips = self.chips(rgb, faces)
        rows = [np.asarray(self.recognizer.compute_face_descriptor(chip)) for chip in chips]
        return np.stack(rows).astype(np.float32)


def export(target: Path, recognizer: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.models.dlib_export"]
    command += [str(path) for path in (target, recognizer, PREDICTOR)]
    return subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=200
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The network, and what its program printed."""
    target = tmp_path_factory.mktemp("made")
    done = export(target, RECOGNIZER)
    assert done.returncode == 0, done.stderr
    return target / NETWORK_NAME, done.stdout


@pytest.fixture(scope="module")
def theirs() -> Dlib:
    recognizer = dlib.face_recognition_model_v1(str(RECOGNIZER))
    return Dlib(dlib.shape_predictor(str(PREDICTOR)), recognizer)


@pytest.fixture(scope="module")
def ours(exported: tuple[Path, str]) -> DlibEmbedder:
    network, _ = exported
    return DlibEmbedder(DLIB, lambda: (network, sha256_file(network)), threads=1)


@pytest.fixture(scope="module")
def photos(shared_dir: Path) -> dict[str, tuple[Pixels, list[Face]]]:
    """Photos with their faces, by dlib's own detector, which is quick to load."""
    find = dlib.get_frontal_face_detector()
    found = {}
    for name in PHOTOS:
        path = next((shared_dir / "faces").glob(f"{name}.*"))
        rgb = decode(path.read_bytes(), 64_000_000).rgb
        squares = [(at.left(), at.top(), at.width(), at.height()) for at in find(rgb, 0)]
        found[name] = (rgb, [Face(Box(*map(float, at)), 0.99, ANYWHERE) for at in squares])
    assert all(faces for _, faces in found.values())
    return found


def test_the_program_prints_how_far_the_answers_are(exported: tuple[Path, str]) -> None:
    network, printed = exported
    assert network.is_file()
    assert 0 <= float(printed.split()[-1]) <= CLOSE


def test_the_network_gives_dlibs_answers_for_real_faces(
    exported: tuple[Path, str], theirs: Dlib, photos: dict[str, tuple[Pixels, list[Face]]]
) -> None:
    chips = np.stack([chip for rgb, faces in photos.values() for chip in theirs.chips(rgb, faces)])
    assert largest_difference(RECOGNIZER, exported[0], chips) <= CLOSE


def test_the_faces_of_a_run_do_not_change_each_other(exported: tuple[Path, str]) -> None:
    network = open_network(exported[0], threads=2)
    crops = np.random.default_rng(1).integers(0, 256, (5, 150, 150, 3)).astype(np.uint8)
    [together] = network.run(crops)
    alone = np.concatenate([network.run(crops[i : i + 1])[0] for i in range(len(crops))])
    assert together.shape == (5, 128)
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_an_embedding_is_dlibs_own(
    scale: float,
    ours: DlibEmbedder,
    theirs: Dlib,
    photos: dict[str, tuple[Pixels, list[Face]]],
) -> None:
    for rgb, faces in photos.values():
        resized = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.ascontiguousarray(resized, dtype=np.uint8)
        moved = [face.scaled(scale) for face in faces]
        difference = ours.embed(pixels, moved) - theirs.embed(pixels, moved)
        assert np.abs(difference).max() <= CLOSE


def test_a_face_partly_outside_is_embedded_as_dlib_does(
    ours: DlibEmbedder, theirs: Dlib, photos: dict[str, tuple[Pixels, list[Face]]]
) -> None:
    rgb, [face, *_] = photos["pairs/img1"]
    x, y = (round(at) for at in face.box.center)
    quarter = np.ascontiguousarray(rgb[:y, :x])
    assert np.abs(ours.embed(quarter, [face]) - theirs.embed(quarter, [face])).max() <= CLOSE


def test_a_faces_neighbors_do_not_matter(
    ours: DlibEmbedder, photos: dict[str, tuple[Pixels, list[Face]]]
) -> None:
    rgb, faces = photos["pairs/couple"]
    assert len(faces) >= 2
    together = ours.embed(rgb, faces)
    alone = np.concatenate([ours.embed(rgb, [face]) for face in reversed(faces)])[::-1]
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(together[0] - together[1]).max() > 1e-2


def test_a_changed_network_is_not_loaded(exported: tuple[Path, str], tmp_path: Path) -> None:
    whole = exported[0].read_bytes()
    changed = tmp_path / NETWORK_NAME
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        DlibEmbedder(DLIB, lambda: (changed, sha256_file(exported[0]))).load()


def test_a_file_that_is_not_the_network_is_not_exported(tmp_path: Path) -> None:
    short = tmp_path / "short.dat"
    short.write_bytes(RECOGNIZER.read_bytes()[:-1])
    done = export(tmp_path, short)
    assert done.returncode != 0
    assert done.stdout == ""
    assert not (tmp_path / NETWORK_NAME).exists()
