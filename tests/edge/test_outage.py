"""An outage, with agent and server killed: every event once, in order, late, and nothing opens.

`DRILL_EVENTS=2000 pytest -o junit_family=xunit1 --junitxml=drill.xml` makes it as long as one
likes; the report says how long what took.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.__main__ import main
from tests.edge.drill_kit import Agent, lossy_line, recorded, rows, until, with_a_door
from tests.integration.system import wait_gone
from tests.served_kit import Served, served

Record = Callable[[str, object], None]
LIVE = (2, 3, 4)
"""Who comes while the old events are sent."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as server:
        yield server


@pytest.fixture
def agent(tmp_path: Path, server: Served) -> Iterator[Agent]:
    """Of a door with a key, before a server that asks for keys and knows five people."""
    agent = Agent(tmp_path, server.url, with_a_door(server))
    yield agent
    agent.kill()


def number_of_events() -> int:
    return int(os.environ.get("DRILL_EVENTS", "100"))


def keep(agent: Agent, number: int) -> tuple[list[str], int]:
    """So many events while nobody answers, and kills, each right after one more that nobody saw
    acknowledged; what was acknowledged, and the kills."""
    kept, kills = list[str](), 0
    agent.start()
    for count in range(number):
        if count % (number // 7 + 1) == number // 7:
            agent.shout(1, age_seconds=86400 - count)
            agent.restart()
            kills += 1
        kept.append(agent.see(1 + count % 5, age_seconds=86400 - count))
    agent.kill()
    return kept, kills


def drain(server: Served, agent: Agent, number: int) -> list[tuple[str, int]]:
    """Until everything is there, with kills on both sides and somebody at the door now and then;
    the live events, each with how many were recorded when it was kept."""
    live: list[tuple[str, int]] = []
    for turn in range(9):
        until_recorded(server, number * turn // 10)
        if turn % 3 == 0:
            agent.restart()
        elif turn % 3 == 1:
            server.kill()
            server.start()
        else:
            event_id = agent.see(LIVE[turn // 3])
            live.append((event_id, recorded(server)))
    until(lambda: agent.waiting == 0, seconds=3600)
    return live


def until_recorded(server: Served, number: int) -> None:
    until(lambda: recorded(server) >= number, seconds=3600)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_an_outage(server: Served, agent: Agent, record_property: Record) -> None:
    number = number_of_events()
    server.kill()
    began = time.monotonic()
    old, kills = keep(agent, number)
    record_property("seconds to keep", round(time.monotonic() - began, 1))
    record_property("disk bytes", agent.disk_bytes)
    assert rows(server) == []

    server.start()
    agent.start()
    began = time.monotonic()
    live = drain(server, agent, number)
    record_property("seconds to send, with six kills", round(time.monotonic() - began, 1))

    kept = rows(server)
    ids = [row["event_id"] for row in kept]
    live_ids = [event_id for event_id, _ in live]
    assert len(ids) == len(set(ids)), "each once"
    unacknowledged = [one for one in ids if one not in {*old, *live_ids}]
    assert len(unacknowledged) <= kills, "at most the last one before each kill"
    named = [one for one in ids if one not in {*live_ids, *unacknowledged}]
    assert named == old, "none is missing, and in order"
    for event_id, before in live:
        assert ids.index(event_id) <= before + 2, "who stands there goes first"
    for row in kept:
        is_live = row["event_id"] in live_ids
        assert (bool(row["granted"]), bool(row["late"])) == (is_live, not is_live)
    people = {event_id: f"p{1 + count % 5}" for count, event_id in enumerate(old)}
    people |= {event_id: f"p{person}" for event_id, person in zip(live_ids, LIVE, strict=True)}
    assert {row["event_id"]: row["user_id"] for row in kept if row["event_id"] in people} == people
    assert agent.openings == len(live)
    assert sum("Traceback" in line for line in server.log.splitlines()) == 0


@pytest.mark.slow
def test_answers_that_are_lost_after_the_commit_make_one_check_in_each(
    server: Served, agent: Agent
) -> None:
    with lossy_line(server.url, loses=lambda count: count in (1, 2, 5, 9)) as line:
        agent.environment["EDGE_SERVER_URL"] = f"http://127.0.0.1:{line.server_address[1]}"
        agent.start()
        live = agent.see(3)  # its first two answers are lost
        until(lambda: line.check_ins >= 3)
        old = [agent.see(1 + count % 5, age_seconds=3600 - count) for count in range(8)]
        until(lambda: recorded(server) == 9 and line.check_ins == 9 + line.lost)
        agent.kill()
    assert line.lost == 4
    kept = rows(server)
    assert [row["event_id"] for row in kept] == [live, *old]
    assert [bool(row["late"]) for row in kept] == [False] + [True] * 8
    assert agent.openings == 0, "whether the first answer was a grant nobody knows"


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
    wait_gone(server.port)
    main(["check"])
    assert "BAD server: the server cannot be reached" in capsys.readouterr().out
