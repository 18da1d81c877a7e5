"""When a file is complete: it did not change for a while. Pure; time is an argument."""

from pathlib import PurePosixPath

from core.files import FileIdentity


class StabilityTracker:
    """Watches paths until they rest. `now` is any clock in seconds that never runs backwards."""

    def __init__(self, stable_seconds: float) -> None:
        self._stable_seconds = stable_seconds
        self._since: dict[PurePosixPath, tuple[FileIdentity, float]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def observe(
        self, path: PurePosixPath, identity: FileIdentity, now: float, resting_for: float = 0.0
    ) -> None:
        """The file is there as `identity`; when new to us it rests for `resting_for` already."""
        known = self._since.get(path)
        if known is None:
            self._since[path] = (identity, now - max(0.0, resting_for))
        elif known[0] != identity:
            self._since[path] = (identity, now)

    def forget(self, path: PurePosixPath) -> None:
        """The file is gone or taken."""
        self._since.pop(path, None)

    def watched(self) -> list[PurePosixPath]:
        """The paths that are not taken yet, in the order they were first seen."""
        return list(self._since)

    def is_stable(self, path: PurePosixPath, now: float) -> bool:
        """Whether the file rested for long enough as it was last observed."""
        known = self._since.get(path)
        return known is not None and now - known[1] >= self._stable_seconds
