"""The plainest honest program on the same packages: what Kenal's speed is compared with.

Pillow decodes, `mtcnn.MTCNN().detect_faces` finds, keras-facenet's own crop, scaling and network
embed, Annoy searches, a dict answers. In a process of its own, as it needs TensorFlow:

    python -m benchmarks.baseline WEIGHTS             asked by paths on stdin, answers as JSON lines
    python -m benchmarks.baseline WEIGHTS --serve PORT   POST /upload_photo, as tutorials serve it
"""

import argparse
import io
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE_PX, DIMENSIONS, PEOPLE = 160, 512, 1000
MARGIN_PX = 16
"""keras-facenet's: a tenth of the network's input, in pixels of the photo."""
_TREES = 10
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def crop(image: Pixels, box: tuple[int, int, int, int], margin: int = MARGIN_PX) -> Pixels:
    """The box (x, y, width, height) widened by `margin` and cut at the border, as keras-facenet."""
    x, y, width, height = box
    left, top = max(0, x - margin), max(0, y - margin)
    return image[top : max(0, y + height + margin), left : max(0, x + width + margin)]


def normalized(face: Pixels) -> Floats:
    """As keras-facenet scales pixels for these weights."""
    return np.asarray((np.float32(face) - 127.5) / 127.5, np.float32)


class Program(Protocol):
    """What is measured."""

    def identify(self, data: bytes) -> tuple[dict[str, object], dict[str, float]]:
        """The answer, with `recognized` false where there is no face; milliseconds by stage."""
        ...


class Baseline:
    """One photo after another; the gallery is PEOPLE random faces."""

    def __init__(self, weights: Path) -> None:
        network = import_module("keras_facenet.inception_resnet_v1")
        self._network: Any = network.InceptionResNetV1(
            input_shape=(None, None, 3), classes=DIMENSIONS
        )
        self._network.load_weights(str(weights))
        self._detector: Any = import_module("mtcnn").MTCNN()
        self._index: Any = import_module("annoy").AnnoyIndex(DIMENSIONS, "angular")
        for number, row in enumerate(np.random.default_rng(1).normal(size=(PEOPLE, DIMENSIONS))):
            self._index.add_item(number, row.tolist())
        self._index.build(_TREES)

    def identify(self, data: bytes) -> tuple[dict[str, object], dict[str, float]]:
        """See Program."""
        times = [time.perf_counter()]
        image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        times.append(time.perf_counter())
        found = self._detector.detect_faces(image)
        times.append(time.perf_counter())
        if not found:
            return {"recognized": False, "error": "no face"}, _stages(times)
        largest = max(found, key=lambda face: face["box"][2] * face["box"][3])
        face = cv2.resize(crop(image, tuple(largest["box"])), (SIDE_PX, SIDE_PX))
        values = normalized(np.asarray(face, np.uint8))[None]
        embedding = self._network.predict(values, verbose=0)[0]
        times.append(time.perf_counter())
        ids, distances = self._index.get_nns_by_vector(embedding, 1, include_distances=True)
        times.append(time.perf_counter())
        box = [int(value) for value in largest["box"]]
        answer = {"user_id": str(ids[0]), "distance": float(distances[0]), "box": box}
        return {"recognized": True, **answer}, _stages(times)


def _stages(times: list[float]) -> dict[str, float]:
    names = ("decode", "detect", "embed", "search")
    spans = zip(names, times, times[1:], strict=False)
    return {name: (end - start) * 1000 for name, start, end in spans}


def answer_stdin(program: Program, answers: IO[str], questions: IO[str]) -> None:
    """One JSON line for each path: wall and CPU milliseconds, stages, whether a face was found."""
    answers.write("[]\n")  # ready
    for line in questions:
        data = Path(line.rstrip("\n")).read_bytes()
        wall, cpu = time.perf_counter(), time.process_time()
        answer, stages = program.identify(data)
        wall_ms = (time.perf_counter() - wall) * 1000
        cpu_ms = (time.process_time() - cpu) * 1000
        answers.write(json.dumps([wall_ms, cpu_ms, stages, answer["recognized"]]) + "\n")


def serve(program: Baseline, port: int) -> None:
    """Flask's own server with a thread a request: what tutorials of these packages do."""
    from flask import Flask, request  # noqa: PLC0415 - the other mode does without

    app = Flask(__name__)

    @app.post("/upload_photo")
    def upload_photo() -> dict[str, object]:
        return program.identify(request.files["photo"].read())[0]

    app.run(port=port, threaded=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--serve", type=int, metavar="PORT")
    options = parser.parse_args()
    # The packages print to stdout, where only answers may stand.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    program = Baseline(options.weights)
    if options.serve is None:
        answer_stdin(program, answers, sys.stdin)
    else:
        serve(program, options.serve)


if __name__ == "__main__":
    main()
