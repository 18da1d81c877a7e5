"""The relay: closed unless a grant is at most the maximum ago."""

import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from edge.relay import Relay, RelayFailed, relay_of
from edge.sections import RelaySettings

SOON_SECONDS = 10.0


class FakePin:
    """Remembers what was done to it, and when it was opened last."""

    def __init__(self) -> None:
        self.is_open, self.is_let_go = True, False  # as a boot may leave it
        self.fails_on, self.fails_off = False, 0
        self.closed_after: list[float] = []
        self._opened_at = 0.0

    def on(self) -> None:
        if not self.is_open:
            self._opened_at = time.monotonic()
        self.is_open = True
        if self.fails_on:
            raise OSError("half open")

    def off(self) -> None:
        if self.fails_off:
            self.fails_off -= 1
            raise OSError("stuck")
        if self.is_open:
            self.closed_after.append(time.monotonic() - self._opened_at)
        self.is_open = False

    def close(self) -> None:
        self.is_let_go = True


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


def test_it_is_closed_at_the_start_and_after_a_pulse() -> None:
    pin = FakePin()
    relay = Relay(pin, 0.05, 0.1)
    states = [pin.is_open]
    relay.pulse()
    states.append(pin.is_open)
    assert states == [False, True]
    assert soon(lambda: not pin.is_open)
    assert pin.closed_after[-1] >= 0.05
    relay.close()


def test_grants_during_a_pulse_do_not_lengthen_it_past_the_maximum() -> None:
    pin, now = FakePin(), [100.0]
    relay = Relay(pin, 3.0, 5.0, clock=lambda: now[0])
    relay.pulse()
    assert relay._closes_at == 103.0
    for moment, closes_at in ((102.0, 105.0), (104.0, 105.0), (104.9, 105.0)):
        now[0] = moment
        relay.pulse()
        assert relay._closes_at == closes_at
    now[0] = 105.0
    with relay._changed:
        relay._changed.notify_all()
    assert soon(lambda: not pin.is_open)
    relay.close()


def test_grants_without_end_still_close_it() -> None:
    pin = FakePin()
    relay = Relay(pin, 0.1, 0.2)
    pin.closed_after.clear()
    stop = threading.Event()

    def grant() -> None:
        while not stop.is_set():
            relay.pulse()
            stop.wait(0.005)

    thread = threading.Thread(target=grant)
    thread.start()
    assert soon(lambda: len(pin.closed_after) >= 2)
    stop.set()
    thread.join()
    relay.close()
    assert not pin.is_open


def test_stopping_closes_it_at_once_and_for_ever() -> None:
    pin = FakePin()
    relay = Relay(pin, 9.0, 9.0)
    relay.pulse()
    relay.close()
    relay.close()
    assert (pin.is_open, pin.is_let_go) == (False, True)
    with pytest.raises(RelayFailed):
        relay.pulse()
    assert not pin.is_open


def test_a_pin_that_fails_half_open_is_closed() -> None:
    pin = FakePin()
    relay = Relay(pin, 60.0, 60.0)
    pin.fails_on = True
    with pytest.raises(RelayFailed):
        relay.pulse()
    assert soon(lambda: not pin.is_open)
    relay.close()


def test_a_pin_that_will_not_close_is_closed_again_and_again() -> None:
    pin = FakePin()
    relay = Relay(pin, 0.01, 0.02)
    relay.pulse()
    pin.fails_off = 3
    assert soon(lambda: not pin.is_open)
    assert pin.fails_off == 0
    relay.close()


def test_a_door_that_cannot_be_closed_at_the_end_is_said_as_such() -> None:
    pin = FakePin()
    relay = Relay(pin, 9.0, 9.0)
    pin.fails_off = 10**9
    with pytest.raises(RelayFailed, match="could not be closed"):
        relay.close()
    assert pin.is_let_go
    relay.close()


def test_without_the_thread_that_closes_nothing_opens() -> None:
    pin = FakePin()
    relay = Relay(pin, 9.0, 9.0)
    relay._is_over = True
    with relay._changed:
        relay._changed.notify_all()
    relay._guard.join(SOON_SECONDS)
    relay._is_over = False
    with pytest.raises(RelayFailed):
        relay.pulse()
    assert not pin.is_open


def test_without_a_pin_there_is_no_relay() -> None:
    assert relay_of(RelaySettings()) is None


@pytest.mark.parametrize("active_high", [True, False])
def test_gpiozero_drives_the_pin(active_high: bool) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory  # type: ignore[import-not-found,unused-ignore]

    factory, before = MockFactory(), gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = factory
    try:
        pin = factory.pin(17)
        relay = relay_of(RelaySettings(pin=17, active_high=active_high, pulse_ms=50, max_ms=60))
        assert relay is not None
        assert bool(pin.state) is not active_high, "closed"
        relay.pulse()
        assert bool(pin.state) is active_high
        assert soon(lambda: bool(pin.state) is not active_high)
        relay.pulse()
        relay.close()
        assert bool(pin.state) is not active_high or pin.function == "input"
        with pytest.raises(RelayFailed):
            relay_of(RelaySettings(pin=999))
    finally:
        factory.reset()
        gpiozero.Device.pin_factory = before


def test_a_pin_that_cannot_be_closed_at_the_start_is_said_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(FakePin):
        def off(self) -> None:
            raise OSError("no such chip")

    gpiozero = SimpleNamespace(OutputDevice=lambda *_given, **_named: Broken())
    monkeypatch.setitem(sys.modules, "gpiozero", gpiozero)
    with pytest.raises(RelayFailed, match="the pin cannot be used"):
        relay_of(RelaySettings(pin=17))
