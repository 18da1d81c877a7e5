"""Faces are found, and no other file is taken for the network."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detection import DetectorError, Haar, YuNet, detector
from edge.quality import frontal
from edge.types import Pixels

# Where the noses of two group photos are.
NOSES = {
    "012_4.jpg": [(214, 213), (314, 242), (438, 233), (625, 247)],
    "010_2.jpg": [(348, 232), (506, 262)],
    "017_0.jpg": [],
}


def photo(place: Path) -> Pixels:
    image = cv2.imread(str(place), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


@pytest.mark.parametrize("network", ["yunet_n_640", "yunet_s_640"])
@pytest.mark.parametrize("name", NOSES)
def test_every_face_is_found_with_its_nose(shared_dir: Path, network: str, name: str) -> None:
    yunet = YuNet(shared_dir / "models" / f"{network}.onnx", search_px=640)
    faces = yunet.find(photo(shared_dir / "faces" / "detection" / name))
    noses = sorted(face.landmarks[2] for face in faces)
    assert len(noses) == len(NOSES[name])
    for (x, y), (there_x, there_y) in zip(noses, NOSES[name], strict=True):
        assert abs(x - there_x) < 15
        assert abs(y - there_y) < 15


def test_landmarks_are_as_the_viewer_sees(shared_dir: Path) -> None:
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx")
    faces = yunet.find(photo(shared_dir / "faces" / "gallery" / "alex-lacamoire.png"))
    left_eye, right_eye, nose, mouth_left, mouth_right = faces[0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert mouth_left[0] < mouth_right[0]
    assert left_eye[1] < nose[1] < mouth_left[1]
    assert frontal(faces[0].landmarks) > 0.5


def test_a_tall_and_a_tiny_picture_are_searched(shared_dir: Path) -> None:
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx")
    assert yunet.find(np.zeros((900, 33, 3), np.uint8)) == []
    assert yunet.find(np.zeros((1, 1, 3), np.uint8)) == []


def test_no_other_file_is_taken_for_the_network(tmp_path: Path) -> None:
    other = tmp_path / "secret.onnx"
    other.write_bytes(b"not the network")
    for place in (other, tmp_path / "nothing.onnx"):
        with pytest.raises(DetectorError) as raised:
            detector(place)
        assert str(tmp_path) not in str(raised.value)


@pytest.mark.skipif(not hasattr(cv2, "CascadeClassifier"), reason="this OpenCV has no cascades")
def test_the_cascade_finds_a_face(shared_dir: Path) -> None:
    image = photo(shared_dir / "faces" / "gallery" / "lin-manuel-miranda.png")
    faces = detector(None).find(image)
    assert len(faces) == 1
    x, y, width, height = faces[0].box
    (nose,) = (face.landmarks[2] for face in _yunet(shared_dir).find(image))
    assert x < nose[0] < x + width
    assert y < nose[1] < y + height


@pytest.mark.skipif(hasattr(cv2, "CascadeClassifier"), reason="this OpenCV has cascades")
def test_an_opencv_without_cascades_says_what_to_give() -> None:
    with pytest.raises(DetectorError, match=r"detector\.model"):
        Haar()


def _yunet(shared_dir: Path) -> YuNet:
    return YuNet(shared_dir / "models" / "yunet_n_640.onnx")
