"""The agent alone: a fresh environment with only its requirements, and only its own folder.

Case of the README: `check` and `run` need nothing of the server, of its packages, or of a network
library that a door does not have.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.edge.bad_server import BadServer, Handler, bad_server
from tests.served_kit import ROOT

LIBRARIES = "tensorflow keras torch onnxruntime flask sqlalchemy pydantic mtcnn gunicorn PIL"
FOREIGN = {*LIBRARIES.split(), "core", "db", "index", "pipeline", "api"}
INSTALL_SECONDS = 280
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Runs the agent as `python -m edge` does, and says at its end what it has imported.
PROBE = """
import atexit, json, runpy, sys
names = lambda: sorted({name.split(".")[0] for name in sys.modules})
atexit.register(lambda: print("IMPORTED " + json.dumps(names())))
sys.argv = ["edge", *sys.argv[1:]]
runpy.run_module("edge", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`edge/` and `venv/` and nothing else; skipped where packages are out of reach."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(ROOT / "edge", folder / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    command = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--no-input",
               "--disable-pip-version-check", "--no-compile", "--retries", "1", "--timeout", "20",
               "-r", str(folder / "edge/requirements.txt")]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the package index is too slow here to install the agent's requirements")
    if done.returncode and any(word in done.stderr for word in ("connection", "No matching")):
        pytest.skip("the package index cannot be reached: the agent's requirements do not install")
    assert done.returncode == 0, done.stderr
    return folder


def settings(folder: Path, shared_dir: Path, server: BadServer) -> dict[str, str]:
    """As a newcomer sets it: a clip for a camera, and a server that takes what comes."""
    return {
        "PATH": os.environ["PATH"],
        "EDGE_SERVER_URL": server.url,
        "EDGE_SERVER_KEY": "knl_a_b",
        "EDGE_SERVER_DEVICE_ID": "door-1",
        "EDGE_CAMERA_SPEC": str(shared_dir / "video" / "short_hamilton_clip.mp4"),
        "EDGE_DETECTOR_MODEL": str(shared_dir / "models" / "yunet_n_640.onnx"),
        "EDGE_GATE_LEAST_FACE_PX": "24",
        "EDGE_OUTBOX_FOLDER": str(folder / "edge-data"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def imported(output: str) -> set[str]:
    (line,) = [one for one in output.splitlines() if one.startswith("IMPORTED ")]
    return set(json.loads(line.removeprefix("IMPORTED ")))


def kenal(handler: Handler) -> None:
    """Alive, and takes every event."""
    if handler.path == "/healthz":
        handler.json(200, {"status": "alive"})
    elif handler.path.endswith("/heartbeat"):
        told = {
            "request_id": handler.event_id,
            "server_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "active": True,
            "fresh_seconds": 10,
            "heartbeat_seconds": 30,
        }
        handler.json(200, told)
    else:
        handler.taken()


def test_what_is_installed_is_what_a_door_needs(alone: Path) -> None:
    command = [str(alone / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check", "list"]
    listed = subprocess.run([*command, "--format=json"], check=True, capture_output=True, text=True)
    names = {one["name"].lower() for one in json.loads(listed.stdout)}
    assert {"numpy", "opencv-python-headless", "httpx"} <= names
    assert not names & FOREIGN


def test_check_works_alone(alone: Path, shared_dir: Path) -> None:
    with bad_server(kenal) as server:
        done = subprocess.run(
            [alone / "venv/bin/python", "-c", PROBE, "check"],
            cwd=alone, env=settings(alone, shared_dir, server),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert "BAD" not in done.stdout, done.stdout + done.stderr
    assert "ok  camera: 640x" in done.stdout
    assert "ok  detector: loaded" in done.stdout
    assert done.returncode == 0, done.stderr
    assert not imported(done.stdout) & FOREIGN


def test_run_sends_who_is_in_the_clip(alone: Path, shared_dir: Path) -> None:
    with bad_server(kenal) as server:
        agent = subprocess.Popen(
            [alone / "venv/bin/python", "-c", PROBE, "run"],
            cwd=alone, env=settings(alone, shared_dir, server),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 90
        while not server.committed and agent.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        agent.send_signal(signal.SIGTERM)
        output, log = agent.communicate(timeout=60)
        assert server.committed, log
    assert agent.returncode == 0, log
    assert "Traceback" not in log
    assert not imported(output) & FOREIGN
