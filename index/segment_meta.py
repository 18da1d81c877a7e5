"""What a segment's directory holds, and what its metadata says of it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from core.files import sha256_bytes, sha256_file
from core.types import EmbeddingSpec
from index.choice import Choice, decoded_choice
from index.errors import IndexDamaged

FORMAT = 2
FACES, VECTORS, META = "faces.npy", "vectors.npy", "segment.json"
PROJECTION, HEADS, WORDS, TREES = "projection.npy", "heads.npy", "words.npy", "trees.ann"
LARGE = (VECTORS, TREES)
"""Compared with their checksums in the background where they are large."""


@dataclass(frozen=True, slots=True)
class FileSeal:
    """What a file was when it was written."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        return cls(path.stat().st_size, sha256_file(path))


@dataclass(frozen=True, slots=True)
class SegmentMeta:
    """`files` are all of the directory but this; `choice` is what was measured when it was built.

    `covered` is the seq of the newest change in it, `trees` how many Annoy has (0: no file);
    `provisional`: it waits to be written anew, with trees where they are faster.
    """

    spec: str
    metric: str
    dimensions: int
    count: int
    covered: int
    trees: int
    provisional: bool
    choice: Choice
    files: dict[str, FileSeal]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(seal.size for seal in self.files.values())

    @property
    def has_finders(self) -> bool:
        return WORDS in self.files

    def encode(self) -> bytes:
        """The content of segment.json."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()


def read(directory: Path, sha256: str, spec: EmbeddingSpec) -> SegmentMeta:
    """The metadata of the segment in `directory`; IndexDamaged unless it is the one with `sha256`,
    of `spec`, and every file has its size."""
    try:
        data = (directory / META).read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{META} of {directory.name} cannot be read") from error
    if sha256_bytes(data) != sha256:
        raise IndexDamaged(f"{META} of {directory.name} is not the one the manifest lists")
    try:
        meta = _decoded(json.loads(data))
        sizes = {name: (directory / name).stat().st_size for name in meta.files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamaged(f"segment {directory.name} is incomplete") from error
    own = (spec.digest, spec.similarity.value, spec.dimensions)
    if (meta.spec, meta.metric, meta.dimensions) != own:
        raise IndexDamaged(f"segment {directory.name} is of another space")
    for name, seal in meta.files.items():
        if sizes[name] != seal.size:
            raise IndexDamaged(f"{name} of {directory.name} has not its size")
    return meta


def sealed(path: Path, seal: FileSeal) -> bool:
    """Whether the file is the one that was written; False where it cannot be read."""
    try:
        return FileSeal.of(path) == seal
    except OSError:
        return False


def compare(directory: Path, meta: SegmentMeta, names: tuple[str, ...]) -> None:
    """Compare these files with their checksums, reading and never mapping them; IndexDamaged."""
    for name in names:
        if not sealed(directory / name, meta.files[name]):
            raise IndexDamaged(f"{name} of {directory.name} does not match its checksum")


def _decoded(body: dict[str, object]) -> SegmentMeta:
    files, choice = body["files"], body["choice"]
    if body["format"] != FORMAT or not isinstance(files, dict) or not isinstance(choice, dict):
        raise ValueError("another format")
    numbers = {name: int(str(body[name])) for name in ("dimensions", "count", "covered", "trees")}
    return SegmentMeta(
        spec=str(body["spec"]),
        metric=str(body["metric"]),
        dimensions=numbers["dimensions"],
        count=numbers["count"],
        covered=numbers["covered"],
        trees=numbers["trees"],
        provisional=bool(body["provisional"]),
        choice=decoded_choice(choice),
        files={
            name: FileSeal(int(seal["size"]), str(seal["sha256"])) for name, seal in files.items()
        },
    )
