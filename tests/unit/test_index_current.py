"""The swap of the current snapshot against a maintainer that is faster."""

from collections.abc import Mapping
from pathlib import Path

from core.types import EmbeddingSpec
from index import FaceIndex, Policy
from index.current import Current
from index.manifest import Manifest
from index.segment import Segment
from index.snapshot import LiveSegment
from index.store import Store
from tests.index_kit import SMALL, added, embeddings, fill, space


class OvertakenStore(Store):
    """Another process publishes and sweeps between our reading the manifest and its segments."""

    def __init__(self, directory: Path, spec: EmbeddingSpec, policy: Policy) -> None:
        super().__init__(directory, spec, lambda _step: None)
        self._other = FaceIndex.open(directory, spec, policy)
        self.overtaken = 0

    def load(self, manifest: Manifest, opened: Mapping[str, Segment]) -> tuple[LiveSegment, ...]:
        if not self.overtaken:
            self._other.rebuild(added(embeddings(30)), 30)
            self.overtaken += 1
        return super().load(manifest, opened)


def test_segments_swept_while_they_are_opened_are_no_damage(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    fill(index, embeddings(20))
    assert index.maintain()
    store = OvertakenStore(tmp_path, space(), SMALL)
    current = Current(store, space())
    assert current.refresh(wait=True)
    assert store.overtaken == 1
    assert current.problem is None
    assert (current.snapshot.position, current.snapshot.live) == (30, 30)
