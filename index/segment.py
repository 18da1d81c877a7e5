"""An immutable part of the index, opened so that nothing on disk can crash the process.

Local ids are dense: row i of every file is one face, rows ordered by face id. The small files are
compared with their checksums before they are used. Of a large segment, the vectors and the trees
are compared afterwards, in the background: a wrong number in a vector costs a candidate at most
(the database decides), and the trees, which could crash the process, are not opened before.
"""

import hashlib
from pathlib import Path
from typing import Self

import numpy as np

from core.files import identity
from core.types import EmbeddingSpec
from index.arrays import Ids, Rows, npy_header
from index.errors import IndexDamaged
from index.finders import Finders
from index.forest import Forest
from index.projection import Projection
from index.segment_meta import (
    FACES,
    HEADS,
    LARGE,
    PROJECTION,
    TREES,
    VECTORS,
    WORDS,
    SegmentMeta,
    compare,
    read,
    sealed,
)
from index.sketch import Sketch

CHECK_AT_ONCE = 256 << 20
"""Bytes up to which a segment is compared whole before it is used: a fraction of a second."""


class Segment:
    """An open segment: `rows` by ascending face id, their vectors a read-only map.

    `finders` is None where it is small enough to be searched exactly.
    """

    def __init__(
        self, directory: Path, name: str, sha256: str, meta: SegmentMeta, rows: Rows
    ) -> None:
        self.name, self.sha256, self.meta, self.rows = name, sha256, meta, rows
        self._checked, self._sound = False, True
        self._inode = (directory / VECTORS).stat().st_ino
        self.damage: str | None = None
        self.finders: Finders | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        name: str,
        sha256: str,
        spec: EmbeddingSpec,
        check_at_once: int = CHECK_AT_ONCE,
    ) -> Self:
        """The segment in `directory`, whose metadata has checksum `sha256`.

        Raises IndexDamaged when anything in it is missing, differs, or is of another space; what
        is larger than `check_at_once` bytes in all is compared by `check_rest`.
        """
        meta = read(directory, sha256, spec)
        whole = meta.size <= check_at_once
        compare(directory, meta, tuple(n for n in meta.files if whole or n not in LARGE))
        try:
            segment = cls(directory, name, sha256, meta, _rows(directory, meta))
            if meta.has_finders:
                segment.finders = _finders(directory, meta, spec)
            if whole:
                segment._use_trees(directory)
        except (OSError, ValueError, EOFError) as error:
            raise IndexDamaged(f"segment {name} contradicts its metadata") from error
        segment._checked = whole
        return segment

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def checked(self) -> bool:
        """Whether every file was compared with its checksum."""
        return self._checked

    @property
    def sound(self) -> bool:
        """Whether nothing that searches use is known to be damaged; damaged trees are not used."""
        return self._sound

    def check_rest(self, directory: Path) -> None:
        """Compare what was not compared yet, then use the trees; raises IndexDamaged."""
        if self._checked:
            return
        self._sound = self._file_is_well(directory / VECTORS) or self.map_is_well()
        if not self._sound:
            raise IndexDamaged(f"the vectors of {self.name} do not match their checksum")
        if TREES in self.meta.files:
            compare(directory, self.meta, (TREES,))
        try:
            self._use_trees(directory)
        except (OSError, ValueError) as error:
            raise IndexDamaged(f"the trees of {self.name} cannot be opened") from error
        self._checked = True

    def _file_is_well(self, path: Path) -> bool:
        """Whether the file that is mapped is still at `path`, and as it was written."""
        found = identity(path)
        same = found is not None and found.inode == self._inode
        return same and sealed(path, self.meta.files[VECTORS])

    def map_is_well(self) -> bool:
        """Whether the mapped vectors are those that were written; reads them all."""
        vectors = np.ascontiguousarray(self.rows.vectors)
        digest = hashlib.sha256(npy_header(*vectors.shape))
        digest.update(vectors.data)
        return digest.hexdigest() == self.meta.files[VECTORS].sha256

    def places(self, face_ids: Ids) -> Ids:
        """The rows of those of `face_ids` that are in this segment."""
        places = np.searchsorted(self.rows.faces, face_ids)
        places = np.minimum(places, self.count - 1)
        found: Ids = places[self.rows.faces[places] == face_ids]
        return found

    def _use_trees(self, directory: Path) -> None:
        if self.finders is not None and TREES in self.meta.files:
            dimensions = self.finders.projection.dimensions
            forest = Forest(directory / TREES, dimensions, self.count)
            self.finders = self.finders.with_forest(forest)


def _rows(directory: Path, meta: SegmentMeta) -> Rows:
    faces = np.load(directory / FACES, allow_pickle=False)
    vectors = np.load(directory / VECTORS, mmap_mode="r", allow_pickle=False)
    found = (faces.shape, faces.dtype, vectors.shape, vectors.dtype)
    vector_shape = (meta.count, meta.dimensions)
    if found != ((meta.count,), np.int64, vector_shape, np.float32):
        raise ValueError("other rows than the metadata says")
    return Rows(faces, np.asarray(vectors))


def _finders(directory: Path, meta: SegmentMeta, spec: EmbeddingSpec) -> Finders:
    projection = Projection.load(directory / PROJECTION, meta.dimensions)
    sketch = Sketch.open(directory / HEADS, directory / WORDS, meta.count)
    return Finders(spec.similarity, projection, sketch, None)


def verify(directory: Path, sha256: str, spec: EmbeddingSpec) -> None:
    """Compare everything in a segment with its checksums; raises IndexDamaged."""
    meta = read(directory, sha256, spec)
    compare(directory, meta, tuple(meta.files))
