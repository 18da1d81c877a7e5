"""deepface's FaceNet behind MTCNN, asked as the baseline is; only where deepface is installed.

It downloads its own weights at the first use: `python -m benchmarks.baseline_deepface`.
"""

import os
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np

from benchmarks.baseline import answer_stdin


def is_installed() -> bool:
    return find_spec("deepface") is not None


class Deepface:
    """One embedding of the photo's first face, by deepface's own calls; nothing is searched."""

    def __init__(self) -> None:
        self._deepface: Any = import_module("deepface").DeepFace

    def identify(self, data: bytes) -> tuple[dict[str, object], dict[str, float]]:
        """Whether there was a face, and the milliseconds."""
        started = time.perf_counter()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        try:
            found = self._deepface.represent(
                image, model_name="Facenet512", detector_backend="mtcnn"
            )
        except ValueError:  # how deepface says that there is no face
            found = []
        taken = (time.perf_counter() - started) * 1000
        return {"recognized": bool(found)}, {"represent": taken}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    answer_stdin(Deepface(), answers, sys.stdin)


if __name__ == "__main__":
    main()
