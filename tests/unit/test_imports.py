"""What a start need not import, so that it is soon over."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = {"onnxruntime", "onnx", "dlib", "tensorflow", "keras", "mtcnn"}
COMMANDS = {"alembic", "honcho", "api.cli", "pipeline.models.download", "pipeline.models.prepare"}
SERVICE = {"sqlalchemy", "flask", "numpy", "cv2", "index", "pipeline", "api"}
MUST_NOT = {
    "wsgi": NETWORKS | COMMANDS | {"watchdog", "pyftpdlib"},
    "pipeline.watcher": NETWORKS | COMMANDS | {"flask", "werkzeug", "gunicorn", "api"},
    "scripts.serve": NETWORKS | SERVICE | {"alembic", "httpx"},
    "scripts.announce": NETWORKS | SERVICE | {"pydantic", "honcho", "core"},
}


@pytest.mark.parametrize("module", MUST_NOT)
def test_it_imports_nothing_that_it_does_not_need(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    environment = {
        "PYTHONPATH": str(ROOT),
        "KENAL_DATA_DIR": str(tmp_path / "data"),
        "KENAL_PHOTO_DIR": str(tmp_path / "photos"),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    imported = set(done.stdout.split())
    assert module in imported
    assert imported & MUST_NOT[module] == set()
