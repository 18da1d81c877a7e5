"""Whose the faces of the last frame are, until they have the numbers of tracks."""

from collections.abc import Callable, Sequence

from edge.board import Label
from edge.types import Box, Track


class Names:
    """Takes labels as the detector names faces; in the thread of the camera."""

    def __init__(self) -> None:
        self._labels: dict[Box, Label] = {}

    def named(self, box: Box, label: Label) -> None:
        """This face of the frame that is looked at."""
        self._labels[box] = label

    def tell(self, tracks: Sequence[Track], say: Callable[[int, Label], None]) -> None:
        """Says the label of every track of that frame, once; then they are forgotten."""
        labels, self._labels = self._labels, {}
        for track in tracks:
            if track.face.box in labels:
                say(track.id, labels[track.face.box])
