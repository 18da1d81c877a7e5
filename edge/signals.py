"""Tells who stands at the door how it went: a green lamp, a red one, a buzzer.

A thread of its own plays; the newest signal ends the one before it. A lamp that fails is in the
log and disturbs nothing: neither the other lamps nor the door.
"""

import importlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from edge.relay import Pin
from edge.sections import SignalSettings

log = logging.getLogger("edge.signals")
_BEEP_SECONDS = 0.1
_AGAIN_SECONDS = 1.0


class Part(StrEnum):
    """What can be on."""

    GRANTED = "granted"
    REFUSED = "refused"
    BUZZER = "buzzer"


@dataclass(frozen=True, slots=True)
class Step:
    """What is on, alone, and for how long."""

    on: frozenset[Part]
    seconds: float


def granted_steps(seconds: float) -> tuple[Step, ...]:
    """Green for so long, and one short beep; pure."""
    return _steps(Part.GRANTED, seconds, beeps=1)


def refused_steps(seconds: float) -> tuple[Step, ...]:
    """Red for so long, and two beeps; pure."""
    return _steps(Part.REFUSED, seconds, beeps=2)


def _steps(lamp: Part, seconds: float, beeps: int) -> tuple[Step, ...]:
    beep = min(_BEEP_SECONDS, seconds / (2 * beeps))
    loud, quiet = Step(frozenset({lamp, Part.BUZZER}), beep), Step(frozenset({lamp}), beep)
    rest = Step(frozenset({lamp}), seconds - (2 * beeps - 1) * beep)
    return (*(loud, quiet) * (beeps - 1), loud, rest)


class Signals:
    """Lamps and buzzer; thread-safe. All off when made, after each signal, and after `close`."""

    def __init__(self, pins: Mapping[Part, Pin], seconds: float) -> None:
        self._pins, self._seconds = dict(pins), seconds
        self._changed = threading.Condition()
        self._next: tuple[Step, ...] = ()
        self._is_over = False
        self._failing: set[Part] = set()
        self._is_dark = self._switch(frozenset())
        self._player = threading.Thread(target=self._play, name="signals", daemon=True)
        self._player.start()

    def granted(self) -> None:
        """Green and one beep; returns at once, raises nothing."""
        self._signal(granted_steps(self._seconds))

    def refused(self) -> None:
        """Red and two beeps; returns at once, raises nothing."""
        self._signal(refused_steps(self._seconds))

    def close(self) -> None:
        """All off, and the pins let go; may be called twice, raises nothing."""
        with self._changed:
            if self._is_over:
                return
            self._is_over = True
            self._changed.notify_all()
        self._player.join(1.0)
        self._switch(frozenset())
        for part, pin in self._pins.items():
            try:
                pin.close()
            except Exception as error:  # noqa: BLE001 - the others are let go all the same
                self._fails(part, error)

    def _signal(self, steps: tuple[Step, ...]) -> None:
        with self._changed:
            self._next = steps
            self._changed.notify_all()

    def _play(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_called, None if self._is_dark else _AGAIN_SECONDS)
                if self._is_over:
                    return
                steps, self._next = self._next, ()
            for step in steps:
                if not self._shown(step):
                    break
            self._is_dark = self._switch(frozenset())

    def _shown(self, step: Step) -> bool:
        """Shows a step to its end, unless another signal comes."""
        self._switch(step.on)
        with self._changed:
            return not self._changed.wait_for(self._is_called, step.seconds)

    def _is_called(self) -> bool:
        return self._is_over or bool(self._next)

    def _switch(self, on: frozenset[Part]) -> bool:
        """Everything else goes off; False where something may be on that should not."""
        done = [self._set(part, pin, part in on) for part, pin in self._pins.items()]
        return all(done)  # and none is left out because another failed

    def _set(self, part: Part, pin: Pin, is_on: bool) -> bool:
        try:
            pin.on() if is_on else pin.off()
        except Exception as error:  # noqa: BLE001 - a lamp is no reason to disturb the door
            self._fails(part, error)
            return is_on and self._set(part, pin, False)
        if is_on:
            self._failing.discard(part)
        return True

    def _fails(self, part: Part, error: Exception) -> None:
        if part not in self._failing:
            log.error("%s cannot be switched: %s", part, type(error).__name__)
        self._failing.add(part)


def signals_of(settings: SignalSettings) -> Signals | None:
    """What the settings name and the device has, all off; None where there is nothing."""
    numbers = {
        Part.GRANTED: settings.granted_pin,
        Part.REFUSED: settings.refused_pin,
        Part.BUZZER: settings.buzzer_pin,
    }
    pins = {part: _pin(part, number) for part, number in numbers.items() if number is not None}
    usable = {part: pin for part, pin in pins.items() if pin is not None}
    return Signals(usable, settings.milliseconds / 1000) if usable else None


def _pin(part: Part, number: int) -> Pin | None:
    try:
        device = importlib.import_module("gpiozero").OutputDevice
        return cast(Pin, device(number, initial_value=False))
    except ImportError:
        log.error("a pin of signals is set, but gpiozero is not installed")
    except Exception as error:  # noqa: BLE001 - no lamp keeps the door from opening
        log.error("the pin of %s cannot be used: %s", part, type(error).__name__)
    return None
