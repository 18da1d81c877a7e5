"""The live page's button: samples from the picture that the agent looks at anyway."""

import threading
import time
from collections.abc import Callable

from edge.board import Board
from edge.gate import Rules
from edge.registering.collecting import Collector, Plan, State
from edge.registering.registrar import Registrar
from edge.registering.types import Outcome, RegisterError, Sample, Say

_WAIT_S = 0.5
_LOST_S = 10.0


class Capture:
    """Registers who stands before the camera; one at a time, in the thread that calls."""

    def __init__(
        self,
        board: Board,
        registrar: Registrar,
        rules: Rules,
        plan: Plan,
        *,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the one of `Frame.captured_monotonic`; `stop` ends it early.

        The registrar's embedder is used in this thread: it must be no other thread's.
        """
        self._board, self._registrar, self._rules, self._plan = board, registrar, rules, plan
        self._stop, self._clock = stop or threading.Event(), clock
        self._busy = threading.Lock()

    def __call__(self, name: str, say: Say) -> Outcome:
        """Raises nothing that is about the person, the camera or the server."""
        if not self._busy.acquire(blocking=False):
            return Outcome(False, "somebody is being registered already")
        try:
            self._registrar.named(name, None)
            samples = self._collect(say)
            say("keeping the pictures")
            return self._registrar.register(name, None, samples)
        except RegisterError as error:
            return Outcome(False, str(error))
        finally:
            self._busy.release()

    def _collect(self, say: Say) -> list[Sample]:
        begun = self._clock()
        collector = Collector(self._plan, self._rules, self._registrar.embedder, begun)
        scene, last, heard = self._board.scene(), "", begun
        number = scene.number if scene else 0  # an older picture may be of somebody else
        while not self._stop.is_set():
            scene, now = self._board.newer(number, _WAIT_S), self._clock()
            if scene is None:
                step = collector.at(now)
                if now - heard >= _LOST_S:
                    raise RegisterError("no picture came from the camera")
            else:
                number, heard = scene.number, now
                step = collector.feed(scene.frame, [track.face for track in scene.tracks])
            if step.text != last:
                last = step.text
                say(last)
            if step.state is State.FAILED:
                raise RegisterError(step.text)
            if step.state is State.DONE:
                return collector.samples
        raise RegisterError("the agent is being stopped")
