"""The watcher in the agent's loop: who is looked at again, and what the live page shows."""

from edge.board import Board, Label
from edge.pipeline import Watcher
from edge.remote.names import Names
from edge.retakes import Retakes
from edge.types import Frame, Visit


class Watching:
    """Feeds the watcher, and tells the board who is in the frame; for the camera's thread."""

    def __init__(self, watcher: Watcher, retakes: Retakes, board: Board, names: Names) -> None:
        """`names`: what a detector that also recognizes says of the faces of a frame."""
        self._watcher, self._retakes, self._board, self._names = watcher, retakes, board, names

    def feed(self, frame: Frame) -> list[Visit]:
        """The visits that this frame ends."""
        for track_id in self._retakes.due():
            self._watcher.again(track_id)
        self._names.tell((), self._board.label)  # of a frame that could not be looked at
        visits = self._watcher.feed(frame)
        tracks, named = self._watcher.tracks, set[int]()

        def label(track_id: int, label: Label) -> None:
            named.add(track_id)  # by this very frame: whoever it was before
            self._board.label(track_id, label)

        self._names.tell(tracks, label)
        self._board.show(frame, tracks, self._watcher.others - named)
        return visits
