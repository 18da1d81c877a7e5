"""How far a long work is, in one line of a terminal."""

import time
from collections.abc import Callable
from typing import TextIO


class ProgressLine:
    """`12 of 300, 4:10 left`; where nobody looks, nothing."""

    def __init__(
        self, out: TextIO, is_terminal: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._is_terminal, self._clock = out, is_terminal, clock
        self._begun = clock()

    def __call__(self, done: int, total: int) -> None:
        """Takes the place of the line before."""
        if not self._is_terminal:
            return
        left = (self._clock() - self._begun) / max(done, 1) * (total - done)
        minutes, seconds = divmod(round(left), 60)
        self._out.write(f"\r{done} of {total}, {minutes}:{seconds:02} left\x1b[K")
        if done >= total:
            self._out.write("\n")
        self._out.flush()
