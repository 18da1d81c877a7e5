"""One person before the camera: frames in, samples out."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.agent import words_of
from edge.detection import Detector
from edge.gate import Rules
from edge.registering.collecting import Collector, Plan, State, Step
from edge.registering.types import Embedder, RegisterError, Sample
from edge.types import Camera, Face, Frame

_IDLE_S = 0.01
_LOST_S = 10.0


class Screen(Protocol):
    """Whom it is shown to."""

    def show(self, frame: Frame | None, faces: Sequence[Face], step: Step) -> bool:
        """Shows how far it is; False: whoever looks has had enough."""

    def close(self) -> None:
        """Takes the picture away."""


class Session:
    """The camera of a terminal, which nobody else has open."""

    def __init__(
        self,
        camera: Camera,
        detector: Detector,
        screen: Screen,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`clock` is the one of `Frame.captured_monotonic`."""
        self._camera, self._detector, self._screen = camera, detector, screen
        self._clock, self._pause = clock, pause

    def collect(self, plan: Plan, rules: Rules, embedder: Embedder | None) -> list[Sample]:
        """The samples of one person; raises RegisterError with the reason why there are none."""
        try:
            self._camera.open()
            return self._collect(plan, rules, embedder)
        except OSError as error:
            raise RegisterError(f"the camera {words_of(error)}") from None
        finally:
            self._camera.close()
            self._screen.close()

    def _collect(self, plan: Plan, rules: Rules, embedder: Embedder | None) -> list[Sample]:
        first = self._first()
        collector = Collector(plan, rules, embedder, first.captured_monotonic)
        frame: Frame | None = first
        while True:
            faces = [] if frame is None else self._detector.find(frame.image)
            step = collector.at(self._clock()) if frame is None else collector.feed(frame, faces)
            if not self._screen.show(frame, faces, step):
                raise RegisterError("cancelled")
            if step.state is State.FAILED:
                raise RegisterError(step.text)
            if step.state is State.DONE:
                return collector.samples
            frame = self._next(frame)

    def _next(self, before: Frame | None) -> Frame | None:
        frame = self._camera.read()
        if frame is None and before is None:
            self._pause(_IDLE_S)
            if self._camera.status() == "ended":
                raise RegisterError("the camera's pictures have ended")
        return frame

    def _first(self) -> Frame:
        until = self._clock() + _LOST_S
        while (frame := self._camera.read()) is None:
            if self._clock() >= until:
                raise RegisterError(f"no picture came from the camera: {self._camera.status()}")
            self._pause(_IDLE_S)
        return frame
