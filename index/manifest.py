"""The list of segments that make up the index, and the seq they cover.

It is replaced last, so it may list faces that were removed meanwhile and never misses a segment.
It carries its own checksum: a flipped digit in a seq would silently lose faces.
"""

import json
import re
from dataclasses import asdict, dataclass

from core.files import sha256_bytes
from index.choice import Choice, decoded_choice
from index.errors import IndexDamaged

FORMAT = 2
SEGMENT_NAME = re.compile(r"seg-\d{16}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment, the checksum of its metadata, how candidates are found in it, and those of its
    faces that no longer live."""

    name: str
    sha256: str
    choice: Choice
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every change up to seq `covered` is in `segments`.

    `recall` is what an operator tuned to, for the segments that are built later.
    """

    spec: str
    covered: int
    recall: float | None
    segments: tuple[SegmentEntry, ...]


def encode(manifest: Manifest) -> bytes:
    """The file's content."""
    body = asdict(manifest)
    whole = {"format": FORMAT, "sha256": _checksum(body), "manifest": body}
    return json.dumps(whole, indent=1).encode()


def decode(data: bytes) -> Manifest:
    """The manifest in `data`; raises IndexDamaged for anything but an intact one of our format."""
    try:
        whole = json.loads(data)
        if whole["format"] != FORMAT:
            raise IndexDamaged("the manifest has another version's format")
        body = whole["manifest"]
        if whole["sha256"] != _checksum(body):
            raise IndexDamaged("the manifest's checksum does not match")
        entries = tuple(_entry(item) for item in body["segments"])
        recall = None if body["recall"] is None else float(body["recall"])
        if recall is not None and not 0 < recall <= 1:
            raise ValueError("not a share")
        return Manifest(str(body["spec"]), int(body["covered"]), recall, entries)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise IndexDamaged("the manifest is no manifest") from error


def _entry(item: dict[str, object]) -> SegmentEntry:
    name, removed, choice = str(item["name"]), item["removed"], item["choice"]
    if not SEGMENT_NAME.fullmatch(name) or not isinstance(removed, list):
        raise ValueError("not a segment of ours")
    if not isinstance(choice, dict):
        raise ValueError("not a choice")
    faces = tuple(int(face_id) for face_id in removed)
    return SegmentEntry(name, str(item["sha256"]), decoded_choice(choice), faces)


def _checksum(body: dict[str, object]) -> str:
    return sha256_bytes(json.dumps(body, sort_keys=True).encode())
