"""Registrations that the server did not answer are sent when it is back."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.registering.types import RegisterError
from edge.registering.waiting import Job, Waiting
from edge.resuming import Resumer, resumer_of
from edge.sections import Config, OutboxSettings
from edge.settings_fields import Secret
from tests.edge.agent_kit import Clock
from tests.edge.bad_server import bad_server
from tests.edge.test_wiring import Kenal, soon


class Registrations:
    """What waits, who is there to take it, and what was sent."""

    def __init__(self, folder: Path) -> None:
        self.waiting, self.wall = Waiting(folder), Clock(time.time() + 1000)
        self.sent: list[str] = []
        self.answers, self.error = True, False
        self.resumer = Resumer(
            self.waiting, lambda: self.answers, self._send, wall=self.wall, chance=lambda: 1.0
        )

    def _send(self, jobs: list[Job]) -> int:
        if self.error:
            raise RegisterError("outbox.folder cannot be used")
        for job in jobs:
            self.sent.append(job.name)
            self.waiting.end(job)
        return 0


def test_registrations_that_wait_are_sent_once_the_server_is_back(tmp_path: Path) -> None:
    own = Registrations(tmp_path)
    own.waiting.add("ada", "Ada", True, [b"a picture"])
    own.answers = False
    own.resumer.step()
    assert own.sent == []
    own.answers = True
    own.resumer.step()
    own.resumer.step()
    assert own.sent == ["Ada"]


def test_a_registration_that_may_be_on_its_way_is_left_alone(tmp_path: Path) -> None:
    own = Registrations(tmp_path)
    own.waiting.add("ada", "Ada", True, [b"a picture"])
    own.wall.now -= 999
    own.resumer.step()
    assert own.sent == []
    own.wall.now += 121
    own.resumer.step()
    assert own.sent == ["Ada"]


def test_what_cannot_be_sent_waits_longer_and_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = Registrations(tmp_path)
    own.waiting.add("ada", "Ada", True, [b"a picture"])
    own.error = True
    pauses = [own.resumer.step() for _ in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > pauses[0]
    assert "Ada" not in caplog.text
    own.error = False
    assert own.resumer.step() == pauses[0]
    assert own.sent == ["Ada"]


def test_a_registration_at_the_device_is_sent_to_a_server_that_is_back(tmp_path: Path) -> None:
    with bad_server(Kenal()) as server:
        config = Config(server=server.settings(), outbox=OutboxSettings(tmp_path))
        assert resumer_of(config, None, lambda: True) is None, "register.to is local"
        to_server = replace(config.register, to="server", key=Secret("knl_enroll"))
        resumer = resumer_of(replace(config, register=to_server), None, lambda: True)
        assert resumer is not None
        Waiting(config.outbox.folder).add("ada", "Ada", True, [b"a picture"])
        job = next(Waiting(config.outbox.folder).folder.iterdir())
        job.rename(job.with_name(f"{time.time_ns() - 10**12:020d}-old"))
        resumer.start()
        assert soon(lambda: "POST /users" in server.asked)
        resumer.stop()
