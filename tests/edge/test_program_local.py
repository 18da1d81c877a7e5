"""Whole doors that recognize by themselves, as processes: alone, and beside `edge register`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.system import free_port
from tests.served_kit import ROOT

pytestmark = pytest.mark.slow
MIRANDA = "lin-manuel-miranda"
SOON_SECONDS, ROUNDS = 120.0, 6


class Unit:
    """A door of its own, with its log; may be started again and again."""

    def __init__(self, folder: Path, shared: Path, **more: str) -> None:
        models = shared / "models"
        own = {
            "RECOGNITION_MODE": "local",
            "RECOGNITION_SYNC": "false",
            "RECOGNITION_NETWORK": str(models / "mobilefacenet.onnx"),
            "RECOGNITION_THRESHOLD": "0.36",  # the man is 40 pixels wide
            "RECOGNITION_VOTES": "3",
            "DETECTOR_MODEL": str(models / "yunet_n_640.onnx"),
            "DETECTOR_SEARCH_PX": "640",
            "GATE_LEAST_FACE_PX": "20",
            "OUTBOX_FOLDER": str(folder / "edge-data"),
            **more,
        }
        inherited = {name: text for name, text in os.environ.items() if name[:5] != "EDGE_"}
        self.environment = inherited | {f"EDGE_{name}": text for name, text in own.items()}
        self.log = folder / "log"

    @contextmanager
    def at_work(self) -> Iterator["subprocess.Popen[bytes]"]:
        """`python -m edge run`; ends with 0."""
        command = [sys.executable, "-m", "edge", "run"]
        with self.log.open("ab") as out:
            agent = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=out)
        try:
            yield agent
        finally:
            agent.terminate()
            status = agent.wait(60)
        assert status == 0

    def does(self, *arguments: str) -> str:
        """Another command beside it; what it said."""
        command = [sys.executable, "-m", "edge", *arguments]
        own = self.environment
        done = subprocess.run(
            command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def says(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def until(holds: Callable[[], bool], unit: Unit) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds():
        assert time.monotonic() < deadline, unit.says()[-3000:]
        time.sleep(0.2)


def folder_of(place: Path, shared: Path, name: str) -> Path:
    (place / "faces" / name).mkdir(parents=True)
    photo = (shared / "faces" / "gallery" / f"{name}.png").read_bytes()
    (place / "faces" / name / "1.png").write_bytes(photo)
    return place / "faces"


def test_a_running_door_notices_who_is_registered_and_deleted_beside_it(
    tmp_path: Path, shared_dir: Path
) -> None:
    pytest.importorskip("waitress")
    port = free_port()
    unit = Unit(
        tmp_path, shared_dir, CAMERA_SPEC="/dev/absent", PAGE_ENABLED="true", PAGE_PORT=str(port)
    )

    def people() -> str:
        try:
            told: dict[str, Any] = httpx.get(
                f"http://127.0.0.1:{port}/status.json", timeout=10
            ).json()
        except httpx.TransportError:
            return "not there yet"
        return str(next(one["word"] for one in told["status"] if one["name"] == "people"))

    with unit.at_work():
        until(lambda: people() == "0", unit)
        unit.does("register", "--folder", str(folder_of(tmp_path, shared_dir, MIRANDA)))
        until(lambda: people() == "1", unit)
        unit.does("delete", MIRANDA, "--yes")
        until(lambda: people() == "0", unit)
    assert "Traceback" not in unit.says()


def test_a_door_without_a_server_lets_in_who_was_registered_here(
    tmp_path: Path, shared_dir: Path
) -> None:
    clip = str(shared_dir / "video" / "short_hamilton_clip.mp4")
    unit = Unit(tmp_path, shared_dir, CAMERA_SPEC=clip)
    unit.does("register", "--folder", str(folder_of(tmp_path, shared_dir, MIRANDA)))
    # On a busy machine frames are skipped as by any camera.
    for played in range(1, ROUNDS + 1):
        with unit.at_work():
            until(lambda end=played: unit.says().count("camera: ended") >= end, unit)  # type: ignore[misc]
        if "match, opened: no, there is no relay" in unit.says():
            break
    assert "match, opened: no, there is no relay" in unit.says()
    for hidden in ("Traceback", MIRANDA, str(tmp_path)):
        assert hidden not in unit.says()
