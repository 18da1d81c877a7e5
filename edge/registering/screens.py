"""What whoever registers sees: a window where there is a display, always words in the terminal."""

import subprocess
import sys
from collections.abc import Sequence
from typing import TextIO

import cv2

from edge.registering.collecting import State, Step
from edge.registering.folder import shown
from edge.types import Face, Frame, Pixels

_TITLE = "Kenal: q ends"
_QUIT = frozenset({ord("q"), 27})
_PROBE = "import cv2; cv2.namedWindow('kenal'); cv2.waitKey(1); cv2.destroyAllWindows()"
_PROBE_S = 15.0
_COLORS = {
    State.COUNTING: (0, 200, 255),
    State.TAKING: (0, 200, 0),
    State.DONE: (0, 200, 0),
    State.FAILED: (0, 0, 255),
}


class Words:
    """Words only: each once, however many frames say it."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._last = out, ""

    def show(self, frame: Frame | None, faces: Sequence[Face], step: Step) -> bool:  # noqa: ARG002
        """Writes a line where the words are new; goes on always."""
        if step.text != self._last:
            self._last = step.text
            self._out.write(f"{shown(step.text)}\n")
            self._out.flush()
        return True

    def close(self) -> None:
        """There is nothing to take away."""


class Window:
    """OpenCV's window beside the words."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def show(self, frame: Frame | None, faces: Sequence[Face], step: Step) -> bool:
        """Shows the picture as in a mirror; False where q or Escape was pressed."""
        self._words.show(frame, faces, step)
        if frame is not None:
            cv2.imshow(_TITLE, drawn(frame.image, faces, step))
        return cv2.waitKey(1) & 0xFF not in _QUIT

    def close(self) -> None:
        """Takes the window away."""
        cv2.destroyAllWindows()


def drawn(image: Pixels, faces: Sequence[Face], step: Step) -> Pixels:
    """The picture with its faces and what to do, mirrored: so people move the right way."""
    width, color = image.shape[1], _COLORS[step.state]
    picture = image[:, ::-1].copy()
    for face in faces:
        x, y, across, down = (round(side) for side in face.box)
        cv2.rectangle(picture, (width - x - across, y), (width - x, y + down), color, 2)
    cv2.putText(picture, step.text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 4)
    cv2.putText(picture, step.text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    return picture


def screen(out: TextIO, *, with_window: bool) -> Words | Window:
    """A window where that is wished for and can be."""
    words = Words(out)
    return Window(words) if with_window and can_show() else words


def can_show(build: str | None = None) -> bool:
    """Whether this OpenCV can open a window here.

    It is tried in a process of its own: without a display, Qt ends the whole program.
    """
    if not _has_windows(build if build is not None else cv2.getBuildInformation()):
        return False
    try:
        tried = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _has_windows(build: str) -> bool:
    lines = [line.strip() for line in build.splitlines()]
    return not any(line.startswith("GUI:") and line.endswith("NONE") for line in lines)
