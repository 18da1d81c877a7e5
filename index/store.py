"""The index's directory: what is published in it, how, and what is swept away.

manifest.json            the list of segments; replaced last
seg-<covered>-<random>/  a segment; never changed, its name never used again
.building-<random>/      a segment being written; an orphan when no maintainer runs
maintain.lock            the maintainer's lease
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from core.files import FileIdentity, identity, sync_directory, write_atomic
from core.types import EmbeddingSpec
from index.arrays import Rows
from index.errors import IndexDamaged
from index.manifest import SEGMENT_NAME, Manifest, SegmentEntry, decode, encode
from index.policy import Policy
from index.segment import Segment, verify, write
from index.snapshot import LiveSegment

_BUILDING = ".building-"
Step = Callable[[str], None]


class Store:
    """One index directory of one embedding space. `on_step` hears of each step of a publication."""

    def __init__(self, directory: Path, spec: EmbeddingSpec, on_step: Step) -> None:
        self._directory = directory
        self._spec = spec
        self._on_step = on_step
        self._manifest = directory / "manifest.json"

    @property
    def lock_path(self) -> Path:
        return self._directory / "maintain.lock"

    def identity(self) -> FileIdentity | None:
        """Changes whenever a manifest is published; None where there is none."""
        return identity(self._manifest)

    def manifest(self) -> Manifest:
        """The published manifest; raises IndexDamaged where it is missing or not usable here."""
        try:
            manifest = decode(self._manifest.read_bytes())
        except OSError as error:
            raise IndexDamaged("the manifest cannot be read") from error
        if manifest.spec != self._spec.digest:
            raise IndexDamaged("the manifest is of another embedding space")
        return manifest

    def load(self, manifest: Manifest, opened: Mapping[str, Segment]) -> tuple[LiveSegment, ...]:
        """The manifest's segments, verified; those already in `opened` are shared, not re-read.

        Raises IndexDamaged when any of them cannot be used.
        """
        return tuple(
            LiveSegment.of(
                opened.get(entry.name) or self._open(entry), np.array(entry.removed, np.int64)
            )
            for entry in manifest.segments
        )

    def add_segment(self, rows: Rows, covered: int, policy: Policy) -> Segment:
        """A new segment, complete and verified, under its final name; not yet in the manifest."""
        self._directory.mkdir(parents=True, exist_ok=True)
        token = os.urandom(6).hex()
        name = f"seg-{covered:016d}-{token}"
        building = self._directory / f"{_BUILDING}{token}"
        building.mkdir()
        try:
            self._on_step("building")
            sha256 = write(building, self._spec, rows, covered, policy)
            self._on_step("written")
            segment = Segment.open(building, name, sha256, self._spec)
            building.rename(self._directory / name)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        self._on_step("renamed")
        sync_directory(self._directory)
        return segment

    def publish(self, segments: Iterable[LiveSegment], covered: int) -> None:
        """Make `segments` the index that covers up to seq `covered`."""
        entries = tuple(
            SegmentEntry(part.segment.name, part.segment.sha256, tuple(part.removed().tolist()))
            for part in segments
        )
        self._directory.mkdir(parents=True, exist_ok=True)
        self._on_step("publishing")
        write_atomic(self._manifest, encode(Manifest(self._spec.digest, covered, entries)))
        self._on_step("published")

    def sweep(self) -> None:
        """Delete what the manifest does not list; only its maintainer may call this.

        A reader that has a deleted segment open keeps its maps; one that is just opening it
        reads the newer manifest instead.
        """
        try:
            listed = {entry.name for entry in self.manifest().segments}
        except IndexDamaged:
            return
        for path in self._directory.iterdir():
            orphan = SEGMENT_NAME.fullmatch(path.name) and path.name not in listed
            if orphan or path.name.startswith(_BUILDING):
                shutil.rmtree(path, ignore_errors=True)
                self._on_step("swept")

    def check(self, manifest: Manifest) -> list[str]:
        """What is wrong with the published segments, read from disk again."""
        problems = []
        for entry in manifest.segments:
            try:
                verify(self._directory / entry.name, entry.sha256, self._spec)
            except (IndexDamaged, OSError, ValueError, KeyError) as error:
                problems.append(str(error))
        return problems

    def _open(self, entry: SegmentEntry) -> Segment:
        return Segment.open(self._directory / entry.name, entry.name, entry.sha256, self._spec)
