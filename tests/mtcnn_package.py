"""The `mtcnn` package as it is, for comparison: its answers, and its way to sample a picture."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.detection.boxes import Boxes
from pipeline.detection.sampling import sample_points
from pipeline.images.decode import Pixels
from pipeline.models.onnx_runtime import Floats

ROOT = Path(__file__).resolve().parent.parent
_OUTSIDE = 127.5
# In a process of its own: TensorFlow warns, and here warnings are errors.
_ASK = """
import json, sys
import numpy as np
from mtcnn import MTCNN
detector = MTCNN()
answers = {}
for path in sys.argv[2:]:
    try:
        rows = detector.detect_faces(
            np.load(path), fit_to_image=False, box_format="xyxy", output_type="numpy"
        )
    except ValueError:
        rows = np.empty((0, 16))  # its way to say that a picture holds no proposal
    answers[path] = rows[:, 1:].tolist()
json.dump(answers, open(sys.argv[1], "w"))
"""


def answers_of_the_package(
    pictures: Mapping[str, Pixels | Floats], folder: Path
) -> dict[str, Boxes]:
    """Rows x1, y1, x2, y2, confidence, five x, five y of each picture, at its own settings."""
    files = {}
    for number, (name, rgb) in enumerate(pictures.items()):
        files[str(folder / f"{number}.npy")] = name
        np.save(folder / f"{number}.npy", rgb)
    command = [sys.executable, "-c", _ASK, str(folder / "answers.json"), *files]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=900)
    found = json.loads((folder / "answers.json").read_text())
    return {name: np.reshape(found[path], (-1, 15)) for path, name in files.items()}


class PackageSampling:
    """Each size averaged from the whole picture, boxes by bilinear interpolation, in floats."""

    def levels(self, rgb: Pixels, scales: Sequence[float]) -> Iterator[Floats]:
        picture, (height, width) = rgb.astype(np.float32), rgb.shape[:2]
        for scale in scales:
            size = (int(width * scale), int(height * scale))
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.float32)[None]

    def crops(self, rgb: Pixels, boxes: Boxes, side_px: int) -> Floats:
        height, width = rgb.shape[:2]
        columns, rows = sample_points(boxes, width, height, side_px)
        left, right, x, inside_x = _neighbors(columns, width)
        top, bottom, y, inside_y = _neighbors(rows, height)
        x, y = x[:, None, :, None], y[:, :, None, None]

        def at(row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Floats:
            return rgb[row[:, :, None], column[:, None, :]].astype(np.float32)

        above = at(top, left) + (at(top, right) - at(top, left)) * x
        below = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * x
        seen: Floats = above + (below - above) * y
        seen[~(inside_y[:, :, None] & inside_x[:, None, :])] = _OUTSIDE
        return seen


def _neighbors(
    points: Floats, size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats, npt.NDArray[np.bool_]]:
    """The pixels on both sides of each point, its way between them, whether it is inside."""
    before = np.floor(points)
    low = np.clip(before, 0, size - 1).astype(np.intp)
    high = np.clip(np.ceil(points), 0, size - 1).astype(np.intp)
    return low, high, points - before, (points >= 0) & (points <= size - 1)
