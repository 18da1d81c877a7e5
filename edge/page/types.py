"""What the live page is given by the program, and what it hands back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Say = Callable[[str], None]


class StatusRow(NamedTuple):
    """One line of the status part: what it is about, how it is, whether somebody should act."""

    name: str
    word: str
    is_bad: bool = False


Status = Callable[[], Sequence[StatusRow]]


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """How a registration at the device ended, in words for whoever stands there."""

    ok: bool
    text: str


class Capture(Protocol):
    """Registers who stands before the camera; runs in a thread of its own, one at a time."""

    def __call__(self, name: str, say: Say, /) -> CaptureResult:
        """`say` shows on the page what happens meanwhile."""
