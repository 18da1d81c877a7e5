"""`kill -9` while the door is open: what software holds, and where it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.edge.test_program import settings
from tests.served_kit import ROOT

pytest.importorskip("gpiozero")
SECONDS = 60.0


def driver(wire: Path, command: str, given: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.edge.relay_driver", str(wire), command],
        cwd=ROOT,
        env=dict(given),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def killed_while_open(wire: Path, given: Mapping[str, str]) -> None:
    agent = driver(wire, "open", given)
    assert agent.stdout is not None
    assert agent.stdout.readline() == "open\n"
    agent.kill()
    agent.communicate()


def becomes(wire: Path, level: str) -> bool:
    deadline = time.monotonic() + SECONDS
    while wire.read_text() != level and time.monotonic() < deadline:
        time.sleep(0.02)
    return wire.read_text() == level


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize("command", ["close", "run"])
def test_the_next_start_closes_what_a_kill_left_open(
    tmp_path: Path, command: str, active_high: bool
) -> None:
    closed, opened = ("low", "high") if active_high else ("high", "low")
    given = {
        **settings(tmp_path),
        "EDGE_RELAY_PIN": "17",
        "EDGE_RELAY_ACTIVE_HIGH": str(active_high).lower(),
        "EDGE_RELAY_PULSE_MS": "10000",
        "EDGE_RELAY_MAX_MS": "10000",
    }
    wire = tmp_path / "wire"
    wire.write_text(closed)
    killed_while_open(wire, given)
    assert wire.read_text() == opened, "no program closes what a kill left: the monostable does"
    after = driver(wire, command, given)
    try:
        assert becomes(wire, closed)
        if command == "run":
            assert after.poll() is None, "closed at the start, not at the end"
            after.send_signal(signal.SIGTERM)
        after.communicate(timeout=SECONDS)
    finally:
        after.kill()
        after.communicate()
    assert after.returncode == 0 or command == "run"
    assert wire.read_text() == closed


def test_systemd_closes_after_whatever_ended_the_agent() -> None:
    unit = (ROOT / "edge" / "kenal-edge.service").read_text().splitlines()
    after = [line for line in unit if line.startswith("ExecStopPost=")]
    assert len(after) == 1
    assert after[0].endswith("-m edge close")
    assert not after[0].removeprefix("ExecStopPost=").startswith("-"), "a failure shall be seen"
    assert "Restart=always" in unit
