"""The loop: fresh frames only, and systemd hears of nothing else."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from edge.agent import Agent
from edge.checks import check_camera, check_disk
from edge.sections import Config, OutboxSettings
from edge.systemd import Notifier
from edge.types import Frame, Visit
from tests.edge.agent_kit import Clock, visit


class FakeCamera:
    """Shows the frames it is given."""

    def __init__(self, *frames: Frame | None, opens: int = 0) -> None:
        self.frames, self.refusals, self.is_open = list(frames), opens, False

    def open(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise FileNotFoundError(2, "No such file or directory", "/dev/video0")
        self.is_open = True

    def read(self) -> Frame | None:
        return self.frames.pop(0) if self.frames else None

    def close(self) -> None:
        self.is_open = False

    def status(self) -> str:
        return "ok"


class FakeWatcher:
    """Every frame is a visit, but the numbers that it chokes on."""

    def __init__(self, *chokes_on: int) -> None:
        self.seen, self._chokes_on = list[int](), chokes_on

    def feed(self, frame: Frame) -> list[Visit]:
        if frame.number in self._chokes_on:
            raise RuntimeError("a bug")
        self.seen.append(frame.number)
        return [visit(frame.captured_monotonic)]


def frame(number: int, captured_monotonic: float) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), number, 0.0, captured_monotonic)


def agent_of(camera: FakeCamera, watcher: FakeWatcher) -> tuple[Agent, list[Visit], list[int]]:
    offered, alive = list[Visit](), list[int]()
    agent = Agent(camera, watcher, offered.append, lambda: alive.append(1), Clock(100.0))
    return agent, offered, alive


def test_frames_that_are_too_old_are_never_looked_at() -> None:
    camera = FakeCamera(frame(1, 98.9), frame(2, 99.1), frame(3, 100.5), frame(4, 100.0))
    watcher = FakeWatcher()
    agent, offered, alive = agent_of(camera, watcher)
    for _ in range(4):
        agent.step()
    assert watcher.seen == [2, 4]
    assert (len(offered), len(alive), agent.stale) == (2, 2, 2)


def test_without_a_frame_nobody_is_told_that_all_is_well() -> None:
    agent, offered, alive = agent_of(FakeCamera(None), FakeWatcher())
    assert agent.step() > 0
    assert (offered, alive) == ([], [])


def test_a_frame_that_breaks_the_watcher_is_no_end_and_no_sign_of_life() -> None:
    watcher = FakeWatcher(1)
    agent, offered, alive = agent_of(FakeCamera(frame(1, 100.0), frame(2, 100.0)), watcher)
    agent.step()
    assert alive == []
    agent.step()
    assert (watcher.seen, len(offered), len(alive)) == ([2], 1, 1)


def test_it_closes_the_camera_at_the_end() -> None:
    camera, stop = FakeCamera(frame(1, 100.0)), threading.Event()
    agent = Agent(camera, FakeWatcher(), lambda _: stop.set(), lambda: None, Clock(100.0))
    agent.run(stop)
    assert not camera.is_open
    assert camera.frames == []


def test_a_camera_that_cannot_be_opened_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.agent._REOPEN_SECONDS", 0.001)
    camera, stop = FakeCamera(frame(1, 100.0), opens=3), threading.Event()
    Agent(camera, FakeWatcher(), lambda _: stop.set(), lambda: None, Clock(100.0)).run(stop)
    assert camera.refusals == 0
    assert stop.is_set()


def test_systemd_hears_of_the_start_of_life_and_of_the_end(tmp_path: Path) -> None:
    clock = Clock()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        told = Notifier(str(tmp_path / "notify"), clock)
        told.ready()
        told.alive()
        told.alive()
        clock.now += 1
        told.alive()
        told.stopping()
        heard = [systemd.recv(100) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize("address", ["", "/absent/notify", "@kenal-edge-test-absent"])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    Notifier(address).ready()


def test_check_looks_at_a_frame() -> None:
    good = check_camera(FakeCamera(None, frame(1, 0.0)))
    assert (good.word, good.is_bad) == ("6x4, ok", False)
    dark = check_camera(FakeCamera(), seconds=0.05)
    assert (dark.word, dark.is_bad) == ("no frame came: ok", True)
    absent = check_camera(FakeCamera(opens=1))
    assert (absent.word, absent.is_bad) == ("cannot be opened: No such file or directory", True)


def test_check_looks_at_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(outbox=OutboxSettings(folder=tmp_path / "x", max_megabytes=100))
    monkeypatch.setattr("edge.checks._free_bytes", lambda _: 10**9)
    assert check_disk(config).word == "1000 MB free"
    monkeypatch.setattr("edge.checks._free_bytes", lambda _: 10**8)
    assert "less than outbox.max_megabytes" in check_disk(config).word
    assert not check_disk(config).is_bad
    monkeypatch.setattr("edge.checks._free_bytes", lambda _: 10**7)
    assert check_disk(config).is_bad
    (tmp_path / "file").write_text("")
    no_folder = Config(outbox=OutboxSettings(folder=tmp_path / "file" / "x"))
    finding = check_disk(no_folder)
    assert finding.is_bad
    assert str(tmp_path) not in finding.word
