"""An outage, with agent and server killed: every event once, in order, late, and nothing opens."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.__main__ import main
from tests.checkin_kit import DOOR
from tests.fakes import portrait
from tests.served_kit import ROOT, Served

EVENTS, PEOPLE = 200, range(1, 6)
SOON_SECONDS = 150.0


class Agent:
    """A process of `agent_driver` on one queue; may be killed and started again."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: text for name, text in os.environ.items() if name[:5] != "EDGE_"},
            "EDGE_SERVER_URL": url,
            "EDGE_SERVER_KEY": key,
            "EDGE_SERVER_DEVICE_ID": DOOR,
            "EDGE_OUTBOX_FOLDER": str(folder / "edge-data"),
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.agent_driver"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def see(self, person: int, age_seconds: float = 0.0) -> str:
        """Somebody stands there, or stood there; the event_id, when it is kept."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{age_seconds} {person}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    @property
    def openings(self) -> int:
        opened = self.folder / "opened"
        return len(opened.read_text().splitlines()) if opened.exists() else 0


def rows(server: Served) -> list[dict[str, Any]]:
    """What was recorded, in that order."""
    with closing(sqlite3.connect(server.folder / "var" / "kenal.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM checkins ORDER BY id")]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def agent(tmp_path: Path, server: Served) -> Iterator[Agent]:
    """Of a door with a key, before a server that asks for keys and knows five people."""
    for person in PEOPLE:
        photo = {"photo": portrait(person)}
        assert httpx.post(f"{server.url}/users/p{person}/photos", files=photo).status_code == 201
    said = {"device_id": DOOR, "name": "Door", "direction": "in"}
    key = httpx.post(f"{server.url}/devices", json=said).json()["key"]
    server.stop()
    server.settings = {"KENAL_AUTH": "required"}
    server.start()
    agent = Agent(tmp_path, server.url, key)
    yield agent
    agent.kill()


@pytest.mark.slow
def test_an_outage(server: Served, agent: Agent) -> None:
    server.kill()
    old: list[str] = []
    for number in range(EVENTS):
        if number % 70 == 0:
            agent.kill()
            agent.start()
        old.append(agent.see(1 + number % 5, age_seconds=3600 - number))
    agent.kill()
    assert rows(server) == []

    server.start()
    agent.start()
    until(lambda: len(rows(server)) >= 30)
    agent.kill()
    agent.start()
    until(lambda: len(rows(server)) >= 60)
    server.kill()
    server.start()
    until(lambda: len(rows(server)) >= 90)
    before = len(rows(server))
    live = agent.see(2)
    until(lambda: len(rows(server)) == EVENTS + 1)

    recorded = rows(server)
    ids = [row["event_id"] for row in recorded]
    assert [event_id for event_id in ids if event_id != live] == old, "each once, in order"
    assert before <= ids.index(live) <= before + 5, "who stands there goes first"
    for row in recorded:
        is_live = row["event_id"] == live
        assert (bool(row["granted"]), bool(row["late"])) == (is_live, not is_live)
    named = {event_id: f"p{1 + number % 5}" for number, event_id in enumerate(old)}
    assert {row["event_id"]: row["user_id"] for row in recorded} == {**named, live: "p2"}
    assert agent.openings == 1
    assert sum("Traceback" in line for line in server.log.splitlines()) == 0


@pytest.mark.slow
def test_check_explains_a_real_server(
    server: Served,
    agent: Agent,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in agent.environment.items():
        if name.startswith("EDGE_"):
            monkeypatch.setenv(name, text)
    monkeypatch.setenv("EDGE_CAMERA_SPEC", "/dev/absent")
    assert main(["check"]) == 1
    good = capsys.readouterr().out
    assert "ok  key: accepted for this device" in good
    assert "ok  clock: " in good
    assert "BAD camera: " in good
    monkeypatch.setenv("EDGE_SERVER_KEY", "knl_wrong")
    main(["check"])
    assert "BAD key: server.key is not valid" in capsys.readouterr().out
    monkeypatch.setenv("EDGE_SERVER_KEY", agent.environment["EDGE_SERVER_KEY"])
    monkeypatch.setenv("EDGE_SERVER_DEVICE_ID", "another")
    main(["check"])
    assert "BAD key: server.key is not the key of" in capsys.readouterr().out
    server.kill()
    main(["check"])
    assert "BAD server: the server cannot be reached" in capsys.readouterr().out
