"""The one reference that searches follow, and how it is swapped."""

import threading
from collections.abc import Sequence

from core.files import FileIdentity
from core.types import Change, EmbeddingSpec
from index.errors import IndexDamaged
from index.segment import Segment
from index.snapshot import LiveSegment, Snapshot
from index.state import State
from index.store import Store

_ATTEMPTS = 5


class Current:
    """The current snapshot; for any number of threads.

    Swapping replaces a reference, so a search that holds the old snapshot keeps its maps.
    """

    def __init__(self, store: Store, spec: EmbeddingSpec) -> None:
        self._store = store
        self._state = State(spec)
        self._snapshot = self._state.snapshot()
        self._state_lock = threading.Lock()
        self._manifest_lock = threading.Lock()
        self._seen: FileIdentity | None = None
        self._problem: str | None = None
        self._checker: threading.Thread | None = None
        self.recall: float | None = None

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @property
    def problem(self) -> str | None:
        """What of the index is damaged: an open segment, or what was to be opened next."""
        damages = (part.segment.damage for part in self._snapshot.segments)
        return next((damage for damage in damages if damage), self._problem)

    def apply(self, changes: Sequence[Change], position: int, after: int | None) -> None:
        """See State.apply; the next search sees it."""
        with self._state_lock:
            self._state.apply(changes, position, after)
            self._snapshot = self._state.snapshot()

    def refresh(self, wait: bool) -> bool:
        """Stand on the published manifest where it is another one and covers no less.

        Without `wait`, returns at once while another thread is at it.
        """
        if self._store.identity() == self._seen or not self._manifest_lock.acquire(blocking=wait):
            return False
        try:
            return self._adopt()
        finally:
            self._manifest_lock.release()

    def publish(
        self, segments: tuple[LiveSegment, ...], covered: int, *, anew: bool = False
    ) -> None:
        """Publish `segments` and stand on them; for the holder of the maintainer's lease.

        `anew`: whatever was applied before is forgotten.
        """
        with self._manifest_lock:
            self._store.publish(segments, covered, self.recall)
            with self._state_lock:
                (self._state.reset if anew else self._state.rebase)(segments, covered)
                self._follow()
            self._seen = self._store.identity()

    def reopen(self) -> None:
        """Stand on what is published and forget everything else: it may be of another database."""
        with self._manifest_lock:
            self._seen = self._store.identity()
            try:
                manifest = self._store.manifest()
                segments = self._store.load(manifest, {})
                self.recall = manifest.recall
            except IndexDamaged as error:
                self._problem = str(error)
                return
            with self._state_lock:
                self._state.reset(segments, manifest.covered)
                self._follow()
        self._check_in_background(segments)

    def _adopt(self) -> bool:
        for _ in range(_ATTEMPTS):
            seen = self._store.identity()
            if seen is None or seen == self._seen:
                return False
            try:
                adopted = self._load()
                self._seen = seen
                return adopted
            except IndexDamaged as error:
                # Or only swept while we were reading it: then there is a newer one to try.
                self._seen, self._problem = seen, str(error)
        return False

    def _load(self) -> bool:
        manifest = self._store.manifest()
        snapshot = self._snapshot
        if manifest.covered < snapshot.covered:
            # Of a process that started anew; ours holds more and is as good.
            return False
        opened = {part.segment.name: part.segment for part in snapshot.segments}
        segments = self._store.load(manifest, opened)
        self.recall = manifest.recall
        self._stand_on(segments, manifest.covered)
        self._check_in_background(segments)
        return True

    @staticmethod
    def report(segment: Segment, error: IndexDamaged) -> None:
        """Tell of a damaged segment. It is a problem while it is searched: one that was replaced
        meanwhile may only have been swept away while it was read."""
        segment.damage = str(error)

    def finish_checks(self) -> None:
        """Wait for the background checks."""
        checker = self._checker
        if checker is not None:
            checker.join()

    def _check_in_background(self, segments: tuple[LiveSegment, ...]) -> None:
        if all(part.segment.checked for part in segments):
            return
        before = self._checker
        self._checker = threading.Thread(
            target=self._check, args=(segments, before), name="index-check", daemon=True
        )
        self._checker.start()

    def _check(self, segments: tuple[LiveSegment, ...], before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        for part in segments:
            try:
                self._store.check_rest(part.segment)
            except IndexDamaged as error:
                self.report(part.segment, error)

    def _stand_on(self, segments: tuple[LiveSegment, ...], covered: int) -> None:
        with self._state_lock:
            self._state.rebase(segments, covered)
            self._follow()

    def _follow(self) -> None:
        self._snapshot = self._state.snapshot()
        self._problem = None
