"""Who is looked at again: the picture did not do, or gave no name, and they still stand there."""

import threading
from collections.abc import Iterable

_MOST = 2
"""For one face; a picture on the wall shall not be sent without end."""
_REMEMBERED = 256
_PICTURE_CODES = frozenset(["no_face", "face_too_small", "image_corrupt", "low_quality"])
_NAMELESS = frozenset(["no_match", "ambiguous"])


class Retakes:
    """Between the thread that sends and the one that looks; thread-safe."""

    def __init__(self, tries: int = 1) -> None:
        """`tries`: pictures of a face that nobody knows, with the first."""
        self._most_nameless = tries - 1
        self._lock = threading.Lock()
        self._tracks: dict[str, int] = {}
        self._taken: dict[int, int] = {}
        self._due: list[int] = []

    def sent(self, event_id: str, track_id: int) -> None:
        """This event is of this face."""
        with self._lock:
            self._tracks[event_id] = track_id
            while len(self._tracks) > _REMEMBERED:
                del self._tracks[next(iter(self._tracks))]

    def answered(self, event_id: str, word: str) -> None:
        """What the server said: a decision, or the code of an error."""
        most = _MOST if word in _PICTURE_CODES else self._most_nameless
        with self._lock:
            track_id = self._tracks.pop(event_id, None)
            if track_id is None or word not in _PICTURE_CODES | _NAMELESS:
                return
            self._taken[track_id] = self._taken.get(track_id, 0) + 1
            if self._taken[track_id] <= most:
                self._due.append(track_id)
            while len(self._taken) > _REMEMBERED:
                del self._taken[next(iter(self._taken))]

    def again(self, track_ids: Iterable[int]) -> None:
        """Whoever they are, they may be known by now."""
        with self._lock:
            self._due.extend(track_ids)

    def due(self) -> list[int]:
        """The faces to let through once more; each is told once."""
        with self._lock:
            due, self._due = self._due, []
            return due
