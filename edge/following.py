"""The gallery as other processes change it: `python -m edge register` beside the agent."""

from collections.abc import Callable

from edge.recognition.gallery import Gallery


class SharedGallery(Gallery):
    """A gallery that knows when another process wrote to it."""

    def version(self) -> int:
        """Another number after every change that is not this object's; raises sqlite3.Error."""
        with self._reading() as run:
            (number,) = run.execute("PRAGMA data_version").fetchone()
        return int(number)


class Following:
    """Takes over what another process did; for one thread."""

    def __init__(self, version: Callable[[], int], changed: Callable[[], None], known: int) -> None:
        """`known`: the version before the gallery was read."""
        self._version, self._changed, self._known = version, changed, known

    def step(self) -> None:
        """Calls `changed` where there is news; again next time where it raises."""
        version = self._version()
        if version != self._known:
            self._changed()
            self._known = version
