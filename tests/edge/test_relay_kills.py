"""`kill -9` while the door is open: what software holds, and where it ends."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge.test_program import settings
from tests.served_kit import ROOT

pytest.importorskip("gpiozero")
SECONDS = 60.0


@dataclass(frozen=True)
class LeftOpen:
    """The wire of the pin, the level that closes, and the settings."""

    wire: Path
    closed: str
    given: Mapping[str, str]


def driver(wire: Path, command: str, given: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.edge.relay_driver", str(wire), command],
        cwd=ROOT,
        env=dict(given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_while_open(wire: Path, given: Mapping[str, str]) -> None:
    agent = driver(wire, "open", given)
    assert agent.stdout is not None
    assert agent.stdout.readline() == "open\n"
    agent.kill()
    agent.communicate()


@pytest.fixture(params=[True, False], ids=["active high", "active low"])
def left_open(request: pytest.FixtureRequest, tmp_path: Path) -> LeftOpen:
    """A door whose agent was killed while it was open."""
    closed, opened = ("low", "high") if request.param else ("high", "low")
    given = {
        **settings(tmp_path),
        "EDGE_RELAY_PIN": "17",
        "EDGE_RELAY_ACTIVE_HIGH": str(request.param).lower(),
        "EDGE_RELAY_PULSE_MS": "10000",
        "EDGE_RELAY_MAX_MS": "10000",
    }
    wire = tmp_path / "wire"
    wire.write_text(closed)
    killed_while_open(wire, given)
    assert wire.read_text() == opened, "no program closes what a kill left: the monostable does"
    return LeftOpen(wire, closed, given)


def test_what_systemd_runs_after_a_kill_closes_it(left_open: LeftOpen) -> None:
    after = driver(left_open.wire, "close", left_open.given)
    after.communicate(timeout=SECONDS)
    assert after.returncode == 0
    assert left_open.wire.read_text() == left_open.closed


def test_the_next_start_closes_it_before_it_looks_at_anything(
    left_open: LeftOpen, shared_dir: Path
) -> None:
    model = str(shared_dir / "models" / "yunet_n_640.onnx")
    after = driver(left_open.wire, "run", {**left_open.given, "EDGE_DETECTOR_MODEL": model})
    try:
        assert after.stderr is not None
        assert any("camera" in line for line in after.stderr), "it runs"
        assert left_open.wire.read_text() == left_open.closed
        after.send_signal(signal.SIGTERM)
        after.communicate(timeout=SECONDS)
    finally:
        after.kill()
        after.communicate()
    assert after.returncode == 0
    assert left_open.wire.read_text() == left_open.closed


def test_systemd_closes_after_whatever_ended_the_agent() -> None:
    unit = (ROOT / "edge" / "kenal-edge.service").read_text().splitlines()
    after = [line for line in unit if line.startswith("ExecStopPost=")]
    assert len(after) == 1
    assert after[0].endswith("-m edge close")
    assert not after[0].removeprefix("ExecStopPost=").startswith("-"), "a failure shall be seen"
    assert "Restart=always" in unit
