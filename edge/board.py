"""What the door sees and says, for whoever looks: the newest picture, its faces, what happened.

Written by the camera's and the sender's threads, read by the live page's. Kept in memory only.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.types import Frame, Track

_MOST_LABELS = 200
_MOST_HAPPENINGS = 50
_RATE_OVER = 20  # frames


class Kind(StrEnum):
    """What is known of a face."""

    ASKED = "asked"  # no answer yet
    KNOWN = "known"
    UNKNOWN = "unknown"
    REFUSED = "refused"  # the picture did not do


@dataclass(frozen=True, slots=True)
class Label:
    """What is written at a face. `text`: a name, or why there is none."""

    kind: Kind
    text: str
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the last events. `at`: unix seconds of the picture."""

    at: float
    label: Label
    opened: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One picture and who is in it; `labels` by track id, `number` grows."""

    number: int
    frame: Frame
    tracks: tuple[Track, ...]
    labels: Mapping[int, Label]
    frames_per_second: float


class Board:
    """The newest scene, labels and happenings; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._changed = clock, threading.Condition()
        self._scene: Scene | None = None
        self._labels: dict[int, Label] = {}
        self._happenings: deque[Happening] = deque(maxlen=_MOST_HAPPENINGS)
        self._shown_at: deque[float] = deque(maxlen=_RATE_OVER)

    def show(self, frame: Frame, tracks: Sequence[Track], others: Collection[int] = ()) -> None:
        """A new picture, looked at; `others`: tracks at which no label stands, for it may be
        somebody else's by now."""
        with self._changed:
            self._shown_at.append(self._clock())
            labelled = [one.id for one in tracks if one.id in self._labels and one.id not in others]
            labels = {number: self._labels[number] for number in labelled}
            number = self._scene.number + 1 if self._scene else 1
            self._scene = Scene(number, frame, tuple(tracks), labels, self._rate())
            self._changed.notify_all()

    def label(self, track_id: int, label: Label) -> None:
        """What is written at this face from now on."""
        with self._changed:
            self._labels.pop(track_id, None)
            self._labels[track_id] = label
            while len(self._labels) > _MOST_LABELS:
                del self._labels[next(iter(self._labels))]

    def happened(self, happening: Happening) -> None:
        """The newest line of the last events."""
        with self._changed:
            self._happenings.append(happening)

    def scene(self) -> Scene | None:
        """The newest, if there is one."""
        with self._changed:
            return self._scene

    def newer(self, number: int, seconds: float) -> Scene | None:
        """The newest scene after `number`, waiting `seconds` for it at most."""

        def is_newer() -> bool:
            return self._scene is not None and self._scene.number > number

        with self._changed:
            return self._scene if self._changed.wait_for(is_newer, seconds) else None

    def happenings(self) -> list[Happening]:
        """The last events, newest first."""
        with self._changed:
            return list(reversed(self._happenings))

    def _rate(self) -> float:
        lasted = self._shown_at[-1] - self._shown_at[0]
        return (len(self._shown_at) - 1) / lasted if lasted > 0 else 0.0
