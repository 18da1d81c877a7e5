"""Who watches: a bounded number of places, each given back when the viewer goes or stalls."""

import threading

Address = tuple[str, str]  # of the connection: host and port


class Place:
    """A place among the viewers, given back when it is left; leaving twice does nothing."""

    def __init__(self, viewers: "Viewers", address: Address) -> None:
        self._viewers, self.address = viewers, address
        self.handed_at: float | None = None  # since when a picture waits to be taken

    def leave(self) -> None:
        """Gives the place back."""
        self._viewers.left(self)


class Viewers:
    """The places; thread-safe."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._places: set[Place] = set()

    def enter(self, address: Address) -> Place | None:
        """A place, or None where all are taken."""
        with self._lock:
            if len(self._places) >= self._most:
                return None
            place = Place(self, address)
            self._places.add(place)
            return place

    def left(self, place: Place) -> None:
        """Somebody goes."""
        with self._lock:
            self._places.discard(place)

    def waiting_since(self, address: Address) -> float | None:
        """Since when this viewer has not taken a picture; None: takes them, or is no viewer."""
        with self._lock:
            handed = [one.handed_at for one in self._places if one.address == address]
        return handed[0] if handed else None

    def watches(self, address: Address) -> bool:
        """Whether this connection is a viewer's."""
        with self._lock:
            return any(one.address == address for one in self._places)

    def count(self) -> int:
        """How many places are taken."""
        with self._lock:
            return len(self._places)
