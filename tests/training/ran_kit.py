"""The commands that tests run in one process, and what each of them said."""

from pathlib import Path
from typing import Any

from core.types import Face
from pipeline.images.decode import Pixels
from tests.training.faces_kit import retaken, twelve

NETWORK = ["--embedder", "mobilefacenet"]


class Ran:
    """Where everything is, what each command said, and a photo with its face."""

    def __init__(self, base: Path, models: Path, said: Any, rgb: Pixels, face: Face) -> None:
        self.base, self.models, self.said = base, models, said
        self.rgb, self.face = rgb, face

    def out(self, at: int, code: int = 0) -> str:
        command = self.said["commands"][at]
        assert command["code"] == code, command["errors"]
        return str(command["out"])

    def errors(self, at: int) -> str:
        assert self.said["commands"][at]["code"] == 1
        return str(self.said["commands"][at]["errors"])


def commands_of(base: Path, shared: Path, converted: Path) -> list[list[object]]:
    """Photos in `base`, and the commands on them; refused ones from the seventh on."""
    people, easy = twelve(shared, base / "people"), retaken(shared, base / "easy")
    stranger = shared / "faces" / "gallery" / "test" / "alex_lacamoire1.jpg"
    group = shared / "faces" / "detection" / "017_0.jpg"
    no_weights = base / "no.weights.h5"
    no_weights.write_bytes(b"cut short")
    known, head = people / "p01" / "img1.jpg", ["--epochs", "3", "--fmr", "0.6", "--folds", "3"]
    taught = ["--fmr", "0.2", "--folds", "3", "--epochs", "5"]
    return [
        ["classify", people, *NETWORK, "--folds", "2", "--epochs", "6", "--out", base / "c"],
        ["predict", base / "c" / "model", known, stranger, group, "--out", base / "predicted"],
        ["embed-head", people, *NETWORK, *head, "--augmentation", "none", "--out", base / "e"],
        ["build-mobilenet", easy, *taught, "--augmentation", "none", "--out", base / "m"],
        ["convert", base / "m", "--photos", easy, "--runs", "5", "--out", converted],
        ["build-mobilenet", "--out", base / "untrained"],
        ["classify", base / "c", *NETWORK, "--out", base / "x"],
        ["classify", people, *NETWORK, "--out", people / "x"],
        ["classify", people, "--embedder", "nobody-knows", "--out", base / "x"],
        ["convert", "facenet", "--photos", people, "--out", base / "x"],
        ["convert", base / "c", "--photos", people, "--out", base / "x"],
        ["build-mobilenet", "--alpha", "0.4", "--out", base / "x"],
        ["embed-head", people, *NETWORK, "--folds", "9", "--out", base / "x"],
        ["build-mobilenet", "--weights", no_weights, "--out", base / "x"],
    ]
