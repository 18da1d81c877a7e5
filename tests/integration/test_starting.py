"""`make serve` again: short where nothing changed, and whole where anything did."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.models.prepared import network_file
from pipeline.models.registry import DLIB

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PREPARED = "The database is up to date."
MENDED = "it is made anew"
READY = "Kenal is ready at"


@pytest.fixture
def folder(prepared_models: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared_models, tmp_path / "models")
    return tmp_path


def start(folder: Path) -> str:
    """What a start says until the service is ready; it is stopped then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "KENAL_PORT": str(port),
        "KENAL_DATA_DIR": str(folder / "var"),
        "KENAL_PHOTO_DIR": str(folder / "photos"),
        "KENAL_MODEL_DIR": str(folder / "models"),
        "KENAL_EMBEDDER": DLIB.id,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "scripts.serve", "--prepare"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            said += line
            if READY in line:
                break
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert READY in said, said
    return said


def spoil(network: Path) -> None:
    """One bit, with size and time as they were."""
    before = network.stat()
    whole = network.read_bytes()
    network.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(network, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_only_what_changed_is_prepared_again(folder: Path) -> None:
    assert PREPARED in start(folder)
    second = start(folder)
    assert PREPARED not in second
    assert "Embedder of this gallery: dlib" in second
    spoil(network_file(DLIB, folder / "models")[0])
    third = start(folder)
    assert PREPARED in third
    assert MENDED in third
    assert "not ready" not in third
    assert PREPARED not in start(folder)
