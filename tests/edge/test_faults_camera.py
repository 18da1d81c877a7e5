"""A camera that is pulled out, frozen, black, green or late: said, restarted, and never decided on.

Case 84. On a clock of its own; the real streams are in test_lag.py and test_rtsp.py.
"""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from edge.agent import Agent
from edge.cameras.lateness import Lateness
from edge.cameras.live import LiveCamera
from edge.cameras.sources import CameraError, Picture
from edge.cameras.watch import Watch, judge
from edge.systemd import Notifier
from edge.types import Frame, Pixels, Visit
from tests.edge.agent_kit import Clock, visit
from tests.edge.test_cameras import until
from tests.edge.test_quality import noise

WATCHDOG_S = 20.0  # WatchdogSec of kenal-edge.service
RATE = 25


def green(bgr: tuple[int, int, int]) -> Pixels:
    """One green all over, with the noise of a decoder."""
    flat = np.full((48, 64, 3), bgr, np.int16) + (noise(1, 48, 64).astype(np.int16) % 3 - 1)
    return np.asarray(np.clip(flat, 0, 255), np.uint8)


@pytest.mark.parametrize("bgr", [(0, 135, 0), (0, 154, 0), (0, 77, 0), (0, 255, 0), (20, 200, 30)])
def test_whatever_green_fills_the_picture_is_no_scene(bgr: tuple[int, int, int]) -> None:
    assert judge(green(bgr), None) == "green"


@pytest.mark.parametrize("bgr", [(90, 160, 100), (60, 60, 60), (0, 30, 0), (200, 60, 60)])
def test_a_wall_is_a_scene(bgr: tuple[int, int, int]) -> None:
    assert judge(green(bgr), None) == "ok"


def test_a_meadow_is_a_scene() -> None:
    meadow = (noise(1, 48, 64) // 2).astype(np.uint8)
    meadow[..., 1] += 100
    meadow[..., 0] //= 4
    assert judge(meadow, None) == "ok"


class Stream:
    """A camera of 25 pictures a second on a clock that its reading moves."""

    def __init__(self, clock: Clock, trouble: str, from_second: float = 5.0) -> None:
        self.clock, self.trouble, self.from_second = clock, trouble, from_second
        self.opened, self.number = 0, 0

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        """Nothing to do."""

    def read(self) -> Picture:
        self.clock.now += 1 / RATE
        self.number += 1
        image = noise(self.number, 48, 64)
        if self.clock.now < self.from_second:
            return Picture(image, at=self.clock.now)
        if self.trouble == "unplugged":
            raise CameraError("the camera gave no picture")
        if self.trouble == "stalled":
            # The line holds every picture for as long again: all are older and older.
            return Picture(image, at=self.from_second + (self.clock.now - self.from_second) / 2)
        shown = {"black": (0, 0, 0), "green": (0, 255, 0), "frozen": (90, 120, 150)}
        return Picture(np.full((48, 64, 3), shown[self.trouble], np.uint8), at=self.clock.now)


class Told(Notifier):
    """When systemd was told that all is well."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("", clock)
        self.at: list[float] = []

    def _tell(self, word: bytes) -> None:
        self.at.append(self._clock())


class Everyone:
    """A watcher that decides on every frame; `ages` of what it was given."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.frames = clock, list[Frame]()

    def feed(self, frame: Frame) -> list[Visit]:
        self.frames.append(frame)
        return [visit(frame.captured_monotonic)]


def watch(trouble: str, seconds: float) -> tuple[Told, Everyone, set[str], Stream]:
    """The whole way from a camera to systemd, step by step, for so long."""
    clock = Clock(0.0)
    stream, told, everyone = Stream(clock, trouble), Told(clock), Everyone(clock)
    live = LiveCamera(stream, Watch(), clock=clock, wall_clock=clock)
    agent = Agent(live, everyone, lambda _: None, told.alive, clock)
    stop, states = threading.Event(), set[str]()

    def wait(now: float) -> float:
        states.add(live.status())  # it is said while it waits
        clock.now += 1
        return 0.0

    live._waits.next = wait  # type: ignore[method-assign]
    while clock.now < seconds:
        live._step(stop)
        agent.step()
    return told, everyone, states, stream


@pytest.mark.parametrize(
    ("trouble", "word"),
    [("unplugged", "the camera gave no picture"), ("stalled", "late"), ("black", "black"),
     ("green", "green"), ("frozen", "frozen")],
)  # fmt: skip
def test_a_camera_in_trouble_is_said_and_systemd_hears_no_sign_of_life(
    trouble: str, word: str
) -> None:
    told, everyone, states, stream = watch(trouble, 60.0)
    assert word in states, "alarm"
    assert stream.opened >= 1, "opened anew"
    assert told.at[0] < 5.0, "it was well before"
    if trouble == "stalled":  # opened anew it is fresh again, for a while
        assert all(frame.captured_monotonic >= 0 for frame in everyone.frames)
    else:
        # systemd restarts WATCHDOG_S after the last sign: the trouble began at 5.
        assert max(told.at) - 5.0 < 6.0
        assert 60.0 - max(told.at) > WATCHDOG_S


def test_lateness_is_what_a_picture_took_more_than_the_fastest() -> None:
    lateness, late = Lateness(), list[float | None]()
    for number in range(100):
        at = number / RATE
        stalled = 2.0 if number == 50 else 0.0
        late.append(lateness.see(at + 77.0, 1000.0 + at + 0.1 + stalled))
    assert late[0] is None
    assert late[40] == pytest.approx(0.0, abs=0.02)
    assert late[50] == pytest.approx(2.0, abs=0.05)


def burst(lateness: Lateness, seconds: float, pause: float) -> list[float | None]:
    """Pictures of so many seconds come at once, each `pause` after the other, then live ones."""
    told, now = list[float | None](), 1000.0
    count = round(seconds * RATE)
    for number in range(count):
        now += pause
        told.append(lateness.see(number / RATE, now))
    for number in range(count, count + 50):
        now = max(now, 1000.0 + count * pause + (number - count + 1) / RATE)
        told.append(lateness.see(number / RATE, now))
    return told


@pytest.mark.parametrize("pause", [0.001, 0.01, 0.02])
def test_of_a_burst_at_the_start_nothing_is_known_and_nothing_given(pause: float) -> None:
    told = burst(Lateness(), 3.0, pause)
    assert set(told[:75]) == {None}
    assert told[-1] == pytest.approx(0.0, abs=0.02)


def times(see: Callable[[int], float | None]) -> list[float | None]:
    lateness = Lateness()
    return [lateness.see(see(number), 1000.0 + number / RATE) for number in range(1000)]


def test_cameras_with_poor_clocks_are_believed() -> None:
    assert set(times(lambda _: None)) == {0.0}
    assert set(times(lambda _: 0.0)[1:]) == {0.0}, "a clock that stands"
    assert set(times(lambda number: -float(number))[1:]) == {0.0}, "one that goes back"
    fast = times(lambda number: number * 2.0 / RATE)
    assert fast[-1] == pytest.approx(0.0, abs=0.02), "one that is fast, after a while"
    slow = times(lambda number: number * 0.995 / RATE)
    assert slow[-1] == pytest.approx(0.0, abs=0.02), "one that is slow by half a percent"


def test_a_hung_driver_gives_no_sign_of_life() -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    class Hanging(Stream):
        def read(self) -> Picture:
            if self.number > 30:
                hangs.set()
                goes_on.wait(30)
            return super().read()

    clock = Clock(0.0)
    live = LiveCamera(Hanging(clock, "black"), clock=clock)
    live.open()
    until(hangs.is_set)
    told = Told(clock)
    agent = Agent(live, Everyone(clock), lambda _: None, told.alive, clock)
    agent.step()  # the last picture that came
    before = len(told.at)
    clock.now += WATCHDOG_S
    agent.step()
    assert live.status() == "lost"
    assert len(told.at) == before
    goes_on.set()
    live.close()


def test_what_shows_nothing_is_not_looked_at_even_once() -> None:
    for trouble in ("black", "green"):
        _, everyone, _, _ = watch(trouble, 30.0)
        assert all(frame.image.std() > 10 for frame in everyone.frames)


def test_a_camera_opened_anew_that_shows_the_same_is_still_frozen() -> None:
    one = Watch(frozen_s=5)
    assert [one.see(noise(1, 48, 64), second) for second in range(6)][-1] == "frozen"
    one.restart()
    assert [one.see(noise(1, 48, 64), second) for second in range(10, 16)] == (
        ["starting"] * 5 + ["frozen"]
    )
    assert not one.is_usable
    assert one.see(noise(2, 48, 64), 16) == "ok"
    assert one.is_usable


def test_a_camera_that_warms_up_in_black_is_waited_for() -> None:
    one = Watch()
    assert one.see(np.zeros((48, 64, 3), np.uint8), 0.0) == "starting"
    assert one.see(noise(1, 48, 64), 0.5) == "ok"
