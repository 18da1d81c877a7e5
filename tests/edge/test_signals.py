"""Lamps and buzzer, on the pins of gpiozero's mock factory."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.sections import SignalSettings
from edge.signals import Part, Signals, granted_steps, refused_steps, signals_of

SOON_SECONDS = 10.0
GREEN, RED, BUZZER = 22, 23, 24


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


def given(milliseconds: int = 50) -> SignalSettings:
    return SignalSettings(GREEN, RED, BUZZER, milliseconds)


@pytest.fixture
def board() -> Iterator[Any]:
    """A mock factory in the place of the Pi's; pins are made anew for each test."""
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory  # type: ignore[import-not-found,unused-ignore]

    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    try:
        yield gpiozero.Device.pin_factory
    finally:
        gpiozero.Device.pin_factory.reset()
        gpiozero.Device.pin_factory = before


def went_through(board: Any, number: int) -> list[bool]:
    return [bool(one.state) for one in board.pin(number).states]


def is_dark(board: Any) -> bool:
    return not any(board.pin(number).state for number in (GREEN, RED, BUZZER))


class StubbornPin:
    """Fails as told, and remembers what is on."""

    def __init__(self, fails_on: bool = False, fails_off: int = 0) -> None:
        self.is_on, self.is_let_go, self.times_on = False, False, 0
        self.fails_on, self.fails_off = fails_on, fails_off

    def on(self) -> None:
        self.is_on = True
        self.times_on += 1
        if self.fails_on:
            raise OSError("half on")

    def off(self) -> None:
        if self.fails_off:
            self.fails_off -= 1
            raise OSError("stuck")
        self.is_on = False

    def close(self) -> None:
        self.is_let_go = True


def test_steps_last_as_long_as_the_settings_say_and_beep_once_or_twice() -> None:
    for seconds in (0.05, 0.8, 5.0):
        for steps, lamp, beeps in (
            (granted_steps(seconds), Part.GRANTED, 1),
            (refused_steps(seconds), Part.REFUSED, 2),
        ):
            assert sum(step.seconds for step in steps) == pytest.approx(seconds)
            assert all(step.seconds > 0 and lamp in step.on for step in steps)
            assert sum(Part.BUZZER in step.on for step in steps) == beeps
            assert all(Part.BUZZER not in step.on for step in steps[1::2]), "a pause between"
            assert len({lamp, Part.BUZZER} | frozenset().union(*(one.on for one in steps))) == 2


@pytest.mark.parametrize(
    ("is_granted", "green", "red", "buzzer"),
    [
        (True, [False, True, False], [False], [False, True, False]),
        (False, [False], [False, True, False], [False, True, False, True, False]),
    ],
)
def test_each_signal_has_its_lamp_and_beeps(
    board: Any, is_granted: bool, green: list[bool], red: list[bool], buzzer: list[bool]
) -> None:
    signals = signals_of(given())
    assert signals is not None
    (signals.granted if is_granted else signals.refused)()
    assert soon(lambda: went_through(board, BUZZER) == buzzer and is_dark(board))
    assert went_through(board, GREEN) == green
    assert went_through(board, RED) == red
    signals.close()


def test_the_newest_signal_ends_the_one_before(board: Any) -> None:
    signals = signals_of(given(5000))
    assert signals is not None
    signals.granted()
    assert soon(lambda: bool(board.pin(GREEN).state))
    signals.refused()
    assert soon(lambda: bool(board.pin(RED).state) and not board.pin(GREEN).state)
    signals.close()
    assert is_dark(board)


def test_off_at_start_whatever_was_on_and_at_stop_in_the_middle(board: Any) -> None:
    pin = board.pin(BUZZER)
    pin.function = "output"
    pin.state = True
    signals = signals_of(given(5000))
    assert signals is not None
    assert is_dark(board)
    signals.refused()
    assert soon(lambda: bool(board.pin(RED).state))
    signals.close()
    signals.close()
    assert is_dark(board)
    signals.granted()
    assert is_dark(board), "closed is closed"


def test_a_lamp_that_is_not_wired_is_left_out(board: Any) -> None:
    assert signals_of(SignalSettings()) is None
    signals = signals_of(SignalSettings(refused_pin=RED, milliseconds=50))
    assert signals is not None
    signals.granted()
    signals.refused()
    assert soon(lambda: went_through(board, RED) == [False, True, False])
    signals.close()


def test_a_pin_that_is_taken_leaves_the_others(
    board: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from gpiozero import OutputDevice

    relay = OutputDevice(GREEN, initial_value=True)
    signals = signals_of(given())
    assert signals is not None
    signals.granted()
    assert soon(lambda: went_through(board, BUZZER) == [False, True, False])
    assert relay.value == 1, "whoever had it first keeps it as it is"
    signals.close()
    assert relay.value == 1
    relay.close()
    assert "the pin of granted cannot be used" in caplog.text


def test_without_hardware_or_library_there_are_no_signals(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gpiozero", None)
    assert signals_of(given()) is None
    assert "gpiozero is not installed" in caplog.text


def test_a_pin_that_fails_disturbs_neither_the_others_nor_who_calls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, red = StubbornPin(fails_on=True), StubbornPin()
    signals = Signals({Part.BUZZER: bad, Part.REFUSED: red}, 0.05)
    signals.refused()
    assert soon(lambda: bad.times_on == 2 and not bad.is_on and not red.is_on)
    assert red.times_on > 0
    assert caplog.text.count("cannot be switched") == 1, "said once"
    signals.close()
    assert bad.is_let_go
    assert red.is_let_go


def test_what_was_left_on_is_off_at_the_start() -> None:
    pin = StubbornPin()
    pin.is_on = True
    signals = Signals({Part.BUZZER: pin}, 0.05)
    assert not pin.is_on
    signals.close()


def test_a_buzzer_that_stays_on_is_switched_off_again_and_again() -> None:
    pin = StubbornPin()
    signals = Signals({Part.BUZZER: pin}, 0.05)
    signals.granted()
    assert soon(lambda: pin.times_on == 1)
    pin.fails_off = 3
    assert soon(lambda: pin.fails_off == 0 and not pin.is_on)
    signals.close()


def test_who_calls_never_waits_for_a_pin() -> None:
    held, reached = threading.Event(), threading.Event()

    class HangingPin(StubbornPin):
        def on(self) -> None:
            reached.set()
            held.wait(SOON_SECONDS)
            super().on()

    pin = HangingPin()
    signals = Signals({Part.GRANTED: pin}, 0.05)
    signals.granted()
    assert reached.wait(SOON_SECONDS)
    signals.refused()
    signals.granted()
    assert not pin.is_on, "both came back while the pin still hangs"
    held.set()
    signals.close()
    assert not pin.is_on
