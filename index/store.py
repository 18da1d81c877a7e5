"""The index's directory: what is published in it, how, and what is swept away.

manifest.json            the list of segments; replaced last
seg-<covered>-<random>/  a segment; never changed, its name never used again
.building-<random>/      a segment being written; an orphan when no maintainer runs
maintain.lock            the maintainer's lease
"""

import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.files import FileIdentity, identity, sync_directory, write_atomic
from core.types import EmbeddingSpec
from index.arrays import Rows
from index.errors import BuildFailed, CannotStart, IndexDamaged
from index.job import build_apart
from index.manifest import SEGMENT_NAME, Manifest, SegmentEntry, decode, encode
from index.progress import OnProgress
from index.recipe import Recipe
from index.segment import CHECK_AT_ONCE, Segment, verify
from index.segment_meta import VECTORS, read, sealed
from index.snapshot import LiveSegment
from index.sources import Merged, Source
from index.writer import write

_log = logging.getLogger(__name__)
_BUILDING = ".building-"
_TEMPORARY = re.compile(r"\.manifest\.json\..*\.tmp")
Step = Callable[[str], None]


class Store:
    """One index directory of one embedding space. `on_step` hears of each step of a publication."""

    def __init__(
        self,
        directory: Path,
        spec: EmbeddingSpec,
        on_step: Step,
        check_at_once: int = CHECK_AT_ONCE,
    ) -> None:
        # The builder is another process, in another working directory.
        self._directory = directory.absolute()
        self._check_at_once = check_at_once
        self._spec = spec
        self._on_step = on_step
        self._manifest = self._directory / "manifest.json"

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
        """The manifest's segments, opened; those already in `opened` are shared, not re-read.

        Raises IndexDamaged when any of them cannot be used.
        """
        return tuple(
            LiveSegment.of(
                opened.get(entry.name) or self._open(entry),
                entry.choice,
                np.array(entry.removed, np.int64),
            )
            for entry in manifest.segments
        )

    def holds(self, part: LiveSegment) -> bool:
        """Whether every file of an open segment is still there, with its size."""
        directory = self._directory / part.segment.name
        try:
            read(directory, part.segment.sha256, self._spec)
        except IndexDamaged:
            return False
        return True

    def check_rest(self, segment: Segment) -> None:
        """Compare what of an open segment was not compared yet; raises IndexDamaged."""
        segment.check_rest(self._directory / segment.name)

    def source(self, part: LiveSegment) -> Source:
        """A segment as a source of rows, read again: a damage is not carried into a new segment.

        From its file, or from our map where the file is lost or another. Raises IndexDamaged.
        """
        file = self._directory / part.segment.name / VECTORS
        if sealed(file, part.segment.meta.files[VECTORS]):
            # Mapped anew: ours may be of another file than the one that was compared.
            vectors = np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
            return Source(Rows(part.segment.rows.faces, vectors), part.alive, file)
        if part.segment.map_is_well():
            return Source(part.segment.rows, part.alive)
        raise IndexDamaged(f"the vectors of {part.segment.name} do not match their checksum")

    def add_segment(
        self, recipe: Recipe, sources: list[Source], on_progress: OnProgress
    ) -> Segment:
        """A new segment of the living rows of `sources`, complete and verified, under its final
        name; not yet in the manifest. Raises StorageFull, OSError or BuildFailed."""
        with self.building() as building:
            self._on_step("building")
            sha256 = _write(building, recipe, sources, on_progress)
            self._on_step("written")
            name = f"seg-{recipe.covered:016d}-{os.urandom(6).hex()}"
            segment = self._read_back(building, name, sha256)
            building.rename(self._directory / name)
        self._on_step("renamed")
        sync_directory(self._directory)
        return segment

    def _read_back(self, building: Path, name: str, sha256: str) -> Segment:
        try:
            return Segment.open(building, name, sha256, self._spec, check_at_once=sys.maxsize)
        except IndexDamaged as error:
            raise BuildFailed("a new segment is not what was written; it is not used") from error

    @contextmanager
    def building(self) -> Iterator[Path]:
        """A folder for a while, swept away after a crash."""
        self._directory.mkdir(parents=True, exist_ok=True)
        folder = self._directory / f"{_BUILDING}{os.urandom(6).hex()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, segments: Iterable[LiveSegment], covered: int, recall: float | None) -> None:
        """Make `segments` the index that covers up to seq `covered`, tuned to `recall`."""
        entries = tuple(
            SegmentEntry(
                part.segment.name,
                part.segment.sha256,
                part.choice,
                tuple(part.removed().tolist()),
            )
            for part in segments
        )
        self._directory.mkdir(parents=True, exist_ok=True)
        self._on_step("publishing")
        write_atomic(self._manifest, encode(Manifest(self._spec.digest, covered, recall, entries)))
        self._on_step("published")

    def sweep(self) -> None:
        """Delete what the manifest does not list; only its maintainer may call this.

        A reader that has a deleted segment open keeps its maps; one that is just opening it
        reads the newer manifest instead.
        """
        try:
            listed = {entry.name for entry in self.manifest().segments}
        except IndexDamaged:
            listed = None
        for path in self._directory.glob("*"):
            # Without a manifest a segment may be what readers stand on.
            named = listed is not None and SEGMENT_NAME.fullmatch(path.name) is not None
            orphan = named and path.name not in (listed or ())
            if orphan or path.name.startswith(_BUILDING):
                shutil.rmtree(path, ignore_errors=True)
                self._on_step("swept")
            elif _TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def check(self, manifest: Manifest, on_progress: OnProgress) -> list[str]:
        """What is wrong with the published segments, read from disk again."""
        problems = []
        for place, entry in enumerate(manifest.segments):
            try:
                verify(self._directory / entry.name, entry.sha256, self._spec)
            except IndexDamaged as error:
                problems.append(str(error))
            on_progress("checking", place + 1, len(manifest.segments))
        return problems

    def _open(self, entry: SegmentEntry) -> Segment:
        return Segment.open(
            self._directory / entry.name, entry.name, entry.sha256, self._spec, self._check_at_once
        )


def _write(building: Path, recipe: Recipe, sources: list[Source], on_progress: OnProgress) -> str:
    count = sum(int(np.count_nonzero(source.alive)) for source in sources)
    if count < recipe.policy.child_from:
        return write(building, recipe, Merged.of(sources), on_progress)
    try:
        return build_apart(building, recipe, sources, on_progress)
    except CannotStart:
        _log.warning("no process can be started to build the index in: it is built in this one")
    finally:
        shutil.rmtree(building / "job", ignore_errors=True)
    return write(building, recipe, Merged.of(sources), on_progress)
