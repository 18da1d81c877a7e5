"""Opens the door for a moment, and never for longer than the maximum.

A thread of its own closes, whatever the one that opened does. What no program can promise, that
the door closes when the process is killed, a monostable relay does: see the README.
"""

import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, cast

from edge.sections import RelaySettings

log = logging.getLogger("edge.relay")
_AGAIN_SECONDS = 0.05


class Pin(Protocol):
    """An output, as gpiozero's OutputDevice."""

    def on(self) -> None:
        """Opens the door."""

    def off(self) -> None:
        """Closes it."""

    def close(self) -> None:
        """Lets go of the pin."""


class RelayFailed(OSError):
    """The door was not opened."""


class Relay:
    """One pin; thread-safe. Closed when made, and after `close` for ever."""

    def __init__(
        self,
        pin: Pin,
        pulse_seconds: float,
        max_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Closes the door at once."""
        self._pin, self._pulse, self._max = pin, pulse_seconds, max_seconds
        self._clock, self._changed = clock, threading.Condition()
        self._opened_at: float | None = None
        self.said: Callable[[bool], None] = lambda _: None  # told whether the door is open now
        self._closes_at = 0.0
        self._is_over = False
        pin.off()
        self._guard = threading.Thread(target=self._watch, name="relay", daemon=True)
        self._guard.start()

    def pulse(self) -> None:
        """Opens, or keeps open, but never past the maximum since it opened; raises RelayFailed."""
        with self._changed:
            if self._is_over or not self._guard.is_alive():
                raise RelayFailed("the relay is closed for good")
            now = self._clock()
            was_closed = self._opened_at is None
            self._opened_at = now if self._opened_at is None else self._opened_at
            self._closes_at = min(now + self._pulse, self._opened_at + self._max)
            self._changed.notify_all()
            try:
                self._pin.on()
            except Exception as error:
                self._closes_at = now  # it may be on all the same
                raise RelayFailed("the pin could not be switched") from error
        if was_closed:
            self.said(True)

    def close(self) -> None:
        """Closes the door and lets go of the pin; may be called twice. Raises RelayFailed."""
        with self._changed:
            if self._is_over:
                return
            self._is_over, self._closes_at = True, self._clock()
            self._changed.notify_all()
        self._guard.join(1.0)
        try:
            self._pin.off()
        except Exception as error:
            raise RelayFailed("the door could not be closed") from error
        finally:
            self._let_go()

    def _let_go(self) -> None:
        try:
            self._pin.close()
        except Exception as error:  # noqa: BLE001 - the door is closed, or was said not to be
            log.error("the pin cannot be let go: %s", type(error).__name__)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._opened_at is None:
                    if self._is_over:
                        return
                    self._changed.wait()
                    continue
                left = self._closes_at - self._clock()
                if left > 0:
                    self._changed.wait(left)
                    continue
                if self._switched_off():
                    self._opened_at = None
                    self._say_closed()
                elif self._is_over:
                    return
                else:
                    self._changed.wait(_AGAIN_SECONDS)

    def _say_closed(self) -> None:
        try:
            self.said(False)
        except Exception as error:  # noqa: BLE001 - the guard lives on, whoever listens
            log.error("nobody could be told that the door is closed: %s", type(error).__name__)

    def _switched_off(self) -> bool:
        try:
            self._pin.off()
        except Exception as error:  # noqa: BLE001 - a door that stays open is worse than any error
            log.critical("the door cannot be closed: %s", type(error).__name__)
            return False
        return True


def relay_of(settings: RelaySettings) -> Relay | None:
    """The relay of the settings, closed; None where there is none. Raises RelayFailed."""
    if settings.pin is None:
        return None
    try:
        device = importlib.import_module("gpiozero").OutputDevice
    except ImportError:
        raise RelayFailed("relay.pin is set, but gpiozero is not installed") from None
    try:
        pin = device(settings.pin, active_high=settings.active_high, initial_value=False)
        return Relay(cast(Pin, pin), settings.pulse_ms / 1000, settings.max_ms / 1000)
    except Exception as error:
        # Where gpiozero finds no library for the pins, as lgpio, that is an ImportError too.
        word = "is there a library for pins, as lgpio?" if isinstance(error, ImportError) else ""
        reason = word or type(error).__name__
        raise RelayFailed(f"the pin cannot be used ({reason})") from error
