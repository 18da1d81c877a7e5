"""The first photo of a person tells who it is, whatever happens to it on its way."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest

from db import photos
from pipeline.bulk import Bulk
from pipeline.bulk_commit import Result
from pipeline.converter import Content, Converter
from pipeline.drop import Entry
from pipeline.ledger import Refusal
from tests.fakes import portrait
from tests.gallery_kit import GalleryKit, gallery_in


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


def convert(kit: GalleryKit, entries: Sequence[Entry]) -> None:
    with Bulk(kit.engine.converter, 3) as bulk:
        assert len(list(bulk.convert_all(entries))) == len(entries)


def make_due(kit: GalleryKit) -> None:
    """As if the pauses between two tries had passed."""
    with kit.services.database.write() as session:
        for row in photos.all_by_path(session):
            row.next_attempt_at = None


def cut_off(kit: GalleryKit, work: Sequence[Entry], *keys: str) -> None:
    """As if the process had ended while these were converted."""
    with kit.services.database.write() as session:
        for entry in work:
            if entry.key in keys:
                row = photos.find_or_create(session, entry.key, entry.user_id)
                row.begun, row.identity = 1, str(entry.identity)


def put_two_faces_of_anna(kit: GalleryKit) -> Sequence[Entry]:
    """A stranger is on the second and third of four photos."""
    for number, person in enumerate((5, 6, 6, 5), 1):
        kit.put(f"anna/{number}.png", portrait(person, shade=number))
    return kit.reconciler.scan().work


def test_nobody_is_told_by_a_later_photo_when_it_ends(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is not finished in time; a stranger's, put after it, is."""
    monkeypatch.setattr("pipeline.bulk_crew._END_SECONDS", 0.1)
    examine, gate = Converter.examine, threading.Event()

    def late(own: Converter, content: Content, accept: bool = False) -> Result:
        assert content.name.path.name != "1.png" or gate.wait(60)
        return examine(own, content, accept)

    monkeypatch.setattr(Converter, "examine", late)
    kit.put("anna/1.png", portrait(5))
    kit.put("anna/2.png", portrait(6))
    bulk = Bulk(kit.engine.converter, 2)
    for entry in kit.reconciler.scan().work:
        bulk.put(entry)
    while not bulk._finished:
        bulk.turn(0.05)
    assert bulk.close() == []
    gate.set()
    held = kit.row("anna/2.png")
    assert held is not None
    assert (held.status, held.begun, held.next_attempt_at) == ("pending", 0, None)
    make_due(kit)
    assert [outcome.status for outcome in kit.scan_and_convert()] == ["enrolled", "conflict"]
    assert kit.who(5) == "anna"


@pytest.mark.parametrize("suspects", [("1",), ("1", "3"), ("2", "3"), ("1", "2", "3", "4")])
def test_a_photo_that_is_converted_alone_keeps_its_turn(
    kit: GalleryKit, suspects: Sequence[str]
) -> None:
    work = put_two_faces_of_anna(kit)
    cut_off(kit, work, *(f"anna/{suspect}.png" for suspect in suspects))
    convert(kit, work)
    assert list(kit.statuses().values()) == ["enrolled", "conflict", "conflict", "enrolled"]
    assert kit.who(5) == "anna"


def test_who_is_read_later_still_has_the_first_turn_alone(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = put_two_faces_of_anna(kit)
    cut_off(kit, work, "anna/1.png", "anna/2.png")
    read, gate = Converter.read, threading.Event()

    def late(own: Converter, path: PurePosixPath) -> Content | Refusal:
        assert path.name != "1.png" or gate.wait(60)
        return read(own, path)

    monkeypatch.setattr(Converter, "read", late)
    with Bulk(kit.engine.converter, 2) as bulk:
        for entry in work:
            bulk.put(entry)
        while not bulk._aside:
            bulk.turn(0.05)
        gate.set()
        list(bulk.convert_all([]))
    assert kit.who(5) == "anna"


def test_what_waits_for_a_photo_alone_is_not_to_blame(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = put_two_faces_of_anna(kit)
    cut_off(kit, work, "anna/1.png")
    examine, begun = Converter.examine, list[int]()

    def looking(own: Converter, content: Content, accept: bool = False) -> Result:
        if content.name.key == "anna/1.png":
            with kit.services.database.read() as session:
                begun.extend(row.begun for row in photos.all_by_path(session))
        return examine(own, content, accept)

    monkeypatch.setattr(Converter, "examine", looking)
    convert(kit, work)
    assert begun == [2, 0, 0, 0]


def test_what_stands_aside_when_it_ends_tells_no_less(kit: GalleryKit) -> None:
    work = put_two_faces_of_anna(kit)
    cut_off(kit, work, "anna/1.png")
    bulk = Bulk(kit.engine.converter, 2)
    for entry in work:
        bulk.put(entry)
    while not bulk._aside or len(bulk._flying) > len(bulk._finished):
        bulk.turn(0.0)
    assert bulk.close() == []
    assert set(kit.statuses().values()) == {"pending"}
    make_due(kit)
    convert(kit, kit.reconciler.scan().work)
    assert kit.who(5) == "anna"


def test_another_content_of_a_photo_aside_comes_after_it(kit: GalleryKit) -> None:
    work = put_two_faces_of_anna(kit)
    cut_off(kit, work, "anna/1.png")
    with Bulk(kit.engine.converter, 2) as bulk:
        for entry in work:
            bulk.put(entry)
        while not bulk._aside:
            bulk.turn(0.0)
        bulk.put(work[0])
        ended = [(entry.key, outcome) for entry, outcome in bulk.convert_all([])]
    statuses = [outcome.status for key, outcome in ended if outcome and key == "anna/1.png"]
    assert statuses == ["enrolled", "unchanged"]
    assert len(ended) == 5
