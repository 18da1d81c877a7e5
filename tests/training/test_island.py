"""Nothing that serves knows of training, and TensorFlow waits until a training begins."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.training.kit import ROOT

SERVED = ("api", "core", "db", "edge", "evaluation", "index", "pipeline")


def test_nothing_served_imports_training() -> None:
    visitors = [
        str(path.relative_to(ROOT))
        for folder in SERVED
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "training")
        or (isinstance(node, ast.Import) and any(a.name == "training" for a in node.names))
    ]
    assert visitors == []


def test_tensorflow_is_not_loaded_before_it_is_needed() -> None:
    heavy = "{'tensorflow', 'keras', 'keras_facenet', 'tf2onnx', 'matplotlib', 'onnxruntime'}"
    program = f"import sys, training.__main__; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_files_stay_small() -> None:
    for path in sorted(Path(ROOT / "training").rglob("*.py")):
        assert len(path.read_text().splitlines()) <= 260, path
