"""A door whose key the server refuses: whole processes, before a real server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from edge.client import Client
from edge.sections import ServerSettings
from edge.settings_fields import Secret
from edge.verdict import NO_KEYS
from tests.checkin_kit import DOOR
from tests.edge.drill_kit import Agent, recorded, until, with_a_door
from tests.served_kit import ROOT, Served, served

pytestmark = pytest.mark.slow


class LocalAgent(Agent):
    """A door that decides by itself, and lets known people in while the server is away."""

    driver = "tests.edge.local_driver"

    def __init__(self, folder: Path, url: str, key: str, detector: Path) -> None:
        super().__init__(folder, url, key)
        self.environment["EDGE_DETECTOR_MODEL"] = str(detector)
        own = {"MODE": "local", "NETWORK": "everybody", "OFFLINE": "known", "SYNC": "false"}
        self.environment |= {f"EDGE_RECOGNITION_{name}": text for name, text in own.items()}

    @property
    def log(self) -> str:
        place = self.folder / "log"
        return place.read_text() if place.exists() else ""

    def says(self) -> str:
        """What the door says of somebody known."""
        return self.see(1).partition(": ")[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as server:
        yield server


@pytest.fixture
def agent(tmp_path: Path, server: Served, shared_dir: Path) -> Iterator[LocalAgent]:
    (tmp_path / "door").mkdir()
    detector = shared_dir / "models" / "yunet_n_640.onnx"
    agent = LocalAgent(tmp_path / "door", server.url, with_a_door(server), detector)
    yield agent
    agent.kill()


def revoke(server: Served, key: str) -> None:
    command = [sys.executable, "-m", "flask", "keys", "revoke", key.split("_")[1]]
    subprocess.run(command, cwd=ROOT, env=server.environment(), check=True, timeout=60)


def with_keys(server: Served, auth: str) -> None:
    """The server, started anew."""
    server.stop()
    server.settings = {"KENAL_AUTH": auth}
    server.start()


def hears(agent: LocalAgent, word: str) -> None:
    """Until the agent has said so once more, at most a heartbeat later."""
    before = agent.log.count(word)
    until(lambda: agent.log.count(word) > before)


OPENS, SHUT = "match, opened: yes", "key_refused, opened: no"
REFUSED = "server: the key is refused"


def test_who_revokes_a_doors_key_switches_it_off(server: Served, agent: LocalAgent) -> None:
    agent.start()
    assert agent.says() == OPENS
    until(lambda: recorded(server) == 1)
    revoke(server, agent.environment["EDGE_SERVER_KEY"])
    hears(agent, REFUSED)
    assert agent.says() == SHUT
    server.kill()
    agent.restart()
    assert agent.says() == SHUT, "nobody answers, and it knows all the same"

    with_keys(server, "off")
    hears(agent, "server: ok")
    assert agent.says() == OPENS, "by itself, with the same process"
    until(lambda: recorded(server) == 4)
    fresh = httpx.post(f"{server.url}/devices/{DOOR}/key", json={"overlap_hours": 0}).json()["key"]

    with_keys(server, "required")
    hears(agent, REFUSED)
    assert agent.says() == SHUT
    server.kill()
    agent.restart()
    assert agent.says() == SHUT
    agent.environment["EDGE_SERVER_KEY"] = fresh
    agent.restart()
    assert agent.says() == OPENS, "the key that was refused was another one"
    server.start()
    until(lambda: recorded(server) == 7 and agent.waiting == 0)
    assert agent.openings == 3


def test_a_server_that_lost_its_settings_refuses_no_key(server: Served) -> None:
    """Behind a proxy it answers no door any more; that is no word about a door's key."""
    heard = list[bool]()
    settings = ServerSettings(server.url, Secret("knl_aaaaaaaaaaaa_b"), DOOR)
    with closing(Client(settings, lambda word, _at: heard.append(word))) as client:
        client._http.headers["X-Forwarded-For"] = "192.0.2.7"
        assert client.heartbeat({}, "first") == NO_KEYS
        assert heard == []
        with_keys(server, "required")
        assert not isinstance(client.heartbeat({}, "second"), str)
        assert heard == [False]
