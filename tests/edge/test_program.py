"""The program as systemd starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.__main__ import main
from tests.served_kit import ROOT

URL = "http://127.0.0.1:9"  # nobody is there


def settings(folder: Path, model: Path | None = None) -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if name[:5] != "EDGE_"}
    own = {
        "EDGE_SERVER_URL": URL,
        "EDGE_SERVER_KEY": "knl_do_not_show",
        "EDGE_SERVER_DEVICE_ID": "door-1",
        "EDGE_OUTBOX_FOLDER": str(folder / "edge-data"),
        "EDGE_CAMERA_SPEC": "/dev/absent",
    }
    return {**inherited, **own, **({"EDGE_DETECTOR_MODEL": str(model)} if model else {})}


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in settings(tmp_path).items():
        monkeypatch.setenv(name, text)


@pytest.mark.parametrize(
    ("name", "value", "arguments", "words"),
    [
        ("EDGE_SERVER_KEE", "x", ["run"], "server.kee is not a setting"),
        ("EDGE_DETECTOR_MODEL", "/absent/model.onnx", ["run"], "cannot be read"),
        ("EDGE_RELAY_PIN", "17", ["close"], "gpiozero|pin"),
    ],
)
@pytest.mark.usefixtures("given")
def test_what_keeps_it_from_starting_is_said(
    name: str,
    value: str,
    arguments: Sequence[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert any(word in said for word in words.split("|"))
    assert "/absent" not in said
    assert "knl_" not in said


@pytest.mark.usefixtures("given")
def test_close_without_a_relay_does_nothing() -> None:
    assert main(["close"]) == 0


def test_it_starts_without_camera_and_server_tells_systemd_and_ends(
    tmp_path: Path, shared_dir: Path
) -> None:
    own = settings(tmp_path, shared_dir / "models" / "yunet_n_640.onnx")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge", "run"],
            cwd=ROOT,
            env={**own, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stderr=subprocess.PIPE,
            text=True,
        )
        heard = [systemd.recv(100)]
        assert agent.stderr is not None
        log = agent.stderr.readline()
        while "camera" not in log:
            log += agent.stderr.readline()
        agent.send_signal(signal.SIGTERM)
        heard.append(systemd.recv(100))
        log += agent.communicate(timeout=60)[1]
    assert heard == [b"READY=1", b"STOPPING=1"], "and no sign of life without a frame"
    assert agent.returncode == 0
    assert all(json.loads(line)["message"] for line in log.splitlines())
    for hidden in ("Traceback", "knl_", str(tmp_path), "127.0.0.1"):
        assert hidden not in log
