"""The manifest: what was written comes back, and nothing else does."""

import json
from pathlib import Path

import pytest

from index.choice import EXACT, Choice, Proposer
from index.errors import IndexDamaged
from index.manifest import Manifest, SegmentEntry, decode, encode

MANIFEST = Manifest(
    "0123456789abcdef",
    4711,
    0.99,
    (
        SegmentEntry(
            "seg-0000000000004000-00ff00ff00ff",
            "a" * 64,
            Choice(Proposer.ANNOY, 4000, 0.005, 0.9975),
            (3, 10**9),
        ),
        SegmentEntry("seg-0000000000004711-123456789abc", "b" * 64, EXACT, ()),
    ),
)
GOLDEN = Path(__file__).parents[1] / "golden"


def test_it_comes_back_as_it_was() -> None:
    assert decode(encode(MANIFEST)) == MANIFEST


def test_one_that_was_written_by_an_earlier_release_is_still_read() -> None:
    assert decode((GOLDEN / "index-manifest-2.json").read_bytes()) == MANIFEST


def test_the_first_format_is_refused_and_then_made_anew() -> None:
    with pytest.raises(IndexDamaged, match="another version"):
        decode((GOLDEN / "index-manifest-1.json").read_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: bytes(len(data)),
        lambda data: b"\xff" + data,
        lambda data: b"[" * 100_000,
        lambda data: b"[]",
        lambda data: b"null",
        lambda data: data.replace(b'"format": 2', b'"format": 3'),
        lambda data: data.replace(b"annoy", b"exact"),
        lambda data: data.replace(b"4000,", b"9000,"),
        lambda data: data.replace(b"4711,", b"9711,"),
        lambda data: data.replace(b"1000000000", b"1000000001"),
    ],
    ids=[
        "empty",
        "cut",
        "zeros",
        "binary",
        "deep",
        "list",
        "null",
        "newer",
        "proposer",
        "effort",
        "seq",
        "tombstone",
    ],
)
def test_anything_else_is_refused(damage: object) -> None:
    data = encode(MANIFEST)
    assert callable(damage)
    changed = damage(data)
    assert changed != data
    with pytest.raises(IndexDamaged):
        decode(changed)


def test_a_name_that_leads_out_of_the_directory_is_refused() -> None:
    entry = SegmentEntry("../seg-0000000000004711-123456789abc", "", EXACT, ())
    outside = Manifest("0", 1, None, (entry,))
    with pytest.raises(IndexDamaged):
        decode(encode(outside))
    assert "../seg" in json.loads(encode(outside))["manifest"]["segments"][0]["name"]
