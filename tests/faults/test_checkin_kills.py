"""A thousand check-ins of a hundred events, and a worker killed in the middle: one grant each."""

import http.client
import json
import os
import random
import signal
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.api.test_server import Server
from tests.checkin_kit import DOOR, moment
from tests.fakes import fake_settings, make_services, portrait

EVENTS, TIMES, AT_ONCE = 100, 10, 24
PEOPLE = range(1, 6)
GIVE_UP_SECONDS = 120.0
PHOTO = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Event:
    """One event, and how often it was sent, let in and refused for a moment."""

    person: int
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    captured_at: str = field(default_factory=moment)

    @property
    def address(self) -> str:
        said = {"event_id": self.event_id, "captured_at": self.captured_at, "device_id": DOOR}
        return f"/checkins?{urlencode(said)}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Two workers on one database."""
    make_services(fake_settings(tmp_path)).close()
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 2")
    server = Server(tmp_path, "tests.faults.checkin_served:create()")
    server.wait_ready()
    assert len(workers(server)) == 2
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


def send(server: Server, event: Event) -> tuple[bool, bool]:
    """Send until it is answered, as a device does: whether it was granted, and a repetition."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        try:
            status, told = server.ask("POST", event.address, portrait(event.person), PHOTO)
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            continue  # The worker died, or was not there yet: the answer is lost, not the event.
        if status in (200, 201):
            return told["grant"], told["duplicate"]
        assert status == 503, told
        time.sleep(random.uniform(0.05, 0.3))
    raise AssertionError(server.log.read_text())


def workers(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def set_up(server: Server) -> list[Event]:
    said = json.dumps({"device_id": DOOR, "name": "Door", "direction": "in"})
    assert server.ask("POST", "/devices", said, JSON)[0] == 201
    for person in PEOPLE:
        assert enrolled(server, person) == 201
    return [Event(PEOPLE[number % len(PEOPLE)]) for number in range(EVENTS)]


def enrolled(server: Server, person: int) -> int:
    """The answer's status. One worker may be ready before the other, which asks to come back."""
    end = time.monotonic() + GIVE_UP_SECONDS
    address = f"/users/p{person}/photos"
    while True:
        status, _ = server.ask("POST", address, portrait(person), PHOTO)
        if status != 503 or time.monotonic() > end:
            return status
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [0, 4])
def test_a_hundred_events_sent_ten_times_each(server: Server, kills: int) -> None:
    events, killed = set_up(server), set[int]()
    sent = events * TIMES
    random.Random(5).shuffle(sent)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [(event, pool.submit(send, server, event)) for event in sent]
        for number in range(kills):
            done_before = len(sent) * (number + 1) // (kills + 2)
            while sum(answer.done() for _, answer in answers) < done_before:
                time.sleep(0.01)
            doomed = workers(server)[0]
            os.kill(doomed, signal.SIGKILL)
            killed.add(doomed)
    assert len(killed) == kills
    grants = Counter(event.event_id for event, answer in answers if answer.result()[0])
    firsts = Counter(event.event_id for event, answer in answers if not answer.result()[1])
    assert max(grants.values()) == 1, "no event opens twice"
    assert max(firsts.values()) == 1, "no event is new twice"
    with closing(sqlite3.connect(server.log.parent / "var" / "kenal.sqlite3")) as database:
        rows = database.execute("SELECT event_id, user_id, granted FROM checkins").fetchall()
    assert sorted(row[0] for row in rows) == sorted(event.event_id for event in events)
    named = {event.event_id: f"p{event.person}" for event in events}
    assert {row[0]: row[1] for row in rows} == named, "nobody is taken for another"
    granted = {row[0] for row in rows if row[2]}
    assert set(grants) <= granted
    if not kills:
        assert set(grants) == granted, "without a death every grant reaches its device"
        assert len(firsts) == EVENTS
