"""Faces as vectors on the device."""

import csv
from pathlib import Path

import numpy as np
import pytest

from edge.detection import DetectorError, YuNet
from edge.embedding import (
    MOBILEFACENET_THRESHOLD,
    SIDE_PX,
    MobileFaceNet,
    Vector,
    aligned,
    similarity_transform,
)
from tests.edge.sights import face
from tests.edge.test_detection import photo
from tests.edge.test_quality import noise


def test_the_transform_takes_turned_scaled_points_back() -> None:
    points = np.asarray([(1.0, 2.0), (5.0, 2.0), (3.0, 4.0)])
    turn = np.asarray([(0.0, -3.0), (3.0, 0.0)])
    moved = points @ turn.T + (7, 9)
    transform = similarity_transform(points, moved)
    assert np.allclose(points @ transform[:, :2].T + transform[:, 2], moved)


def test_landmarks_in_one_point_are_no_error() -> None:
    transform = similarity_transform(np.ones((5, 2)), np.asarray(face().landmarks))
    assert np.isfinite(transform).all()


def test_a_face_outside_the_picture_is_filled() -> None:
    cut = aligned(noise(1, 100, 100), face((500, 500, 50, 60)).landmarks)
    assert cut.shape == (SIDE_PX, SIDE_PX, 3)
    assert not cut.any()


def test_no_other_file_is_taken_for_the_network(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"not the network")
    with pytest.raises(DetectorError):
        MobileFaceNet(tmp_path / "other.onnx")


def test_opencv_and_onnx_runtime_give_the_same_vectors(shared_dir: Path) -> None:
    model = shared_dir / "models" / "mobilefacenet.onnx"
    image, landmarks = noise(1), face().landmarks
    one = MobileFaceNet(model).embed(image, landmarks)
    other = MobileFaceNet(model, with_opencv=True).embed(image, landmarks)
    assert one.shape == (128,)
    assert float(np.linalg.norm(one)) == pytest.approx(1, abs=1e-5)
    assert float(one @ other) > 0.9999


def test_the_same_person_is_above_the_threshold_and_strangers_below(shared_dir: Path) -> None:
    folder = shared_dir / "faces" / "pairs"
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx", search_px=640)
    network = MobileFaceNet(shared_dir / "models" / "mobilefacenet.onnx")
    known: dict[str, Vector] = {}

    def vector(name: str) -> Vector:
        if name not in known:
            image = photo(folder / name)
            largest = max(yunet.find(image), key=lambda one: one.box[2] * one.box[3])
            known[name] = network.embed(image, largest.landmarks)
        return known[name]

    with (folder / "pairs.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    genuine = [vector(a) @ vector(b) for a, b, same in rows if same.lower() in ("yes", "true", "1")]
    strangers = [
        vector(a) @ vector(b) for a, b, same in rows if same.lower() in ("no", "false", "0")
    ]
    assert len(genuine) + len(strangers) == len(rows) == 300
    assert max(strangers) < MOBILEFACENET_THRESHOLD
    assert np.mean(np.asarray(genuine) >= MOBILEFACENET_THRESHOLD) > 0.9
