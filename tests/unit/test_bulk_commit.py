"""Photos of one transaction: each sees those before it, and a refused one undoes only itself."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from core.errors import Busy, StorageFull
from db import gallery, users
from db.gallery import Chosen
from db.session import Session
from pipeline.bulk import Bulk
from pipeline.commit import Commits
from pipeline.converter import Content
from pipeline.deletion import delete_photo
from pipeline.ledger import Outcome
from tests.fakes import nobody, portrait, spec
from tests.gallery_kit import GalleryKit, gallery_in


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.bulk_commit._LOCK_SECONDS", float("inf"))


def read(kit: GalleryKit, *paths: str) -> list[Content]:
    contents = [kit.engine.converter.read(PurePosixPath(path)) for path in paths]
    assert all(isinstance(content, Content) for content in contents)
    return [content for content in contents if isinstance(content, Content)]


def together(kit: GalleryKit, *paths: str) -> list[Outcome]:
    """Convert these photos in one transaction."""
    converter = kit.engine.converter
    contents = read(kit, *paths)
    assert [str(start) for start in converter.begin(contents)] == ["now"] * len(contents)
    return converter.finish([converter.examine(content) for content in contents])


def test_a_stranger_beside_a_new_persons_first_photo_is_a_conflict(kit: GalleryKit) -> None:
    kit.put("anna/1.png", portrait(5))
    kit.put("anna/2.png", portrait(6))
    kit.put("anna/3.png", portrait(5, shade=4))
    kit.put("bert.png", portrait(7))
    outcomes = together(kit, "anna/1.png", "anna/2.png", "anna/3.png", "bert.png")
    assert [outcome.status for outcome in outcomes] == [
        *("enrolled", "conflict", "enrolled", "enrolled")
    ]
    assert [kit.who(5), kit.who(6), kit.who(7)] == ["anna", None, "bert"]


def test_the_same_bytes_under_two_ids_are_a_conflict(kit: GalleryKit) -> None:
    kit.put("anna.png", portrait(5))
    kit.put("bert.png", portrait(5))
    first, second = together(kit, "anna.png", "bert.png")
    assert (first.status, second.status, second.code) == ("enrolled", "conflict", "face_conflict")
    with kit.services.database.read() as session:
        assert users.find(session, "bert") is None, "nobody is left of a refused photo"


def test_bytes_of_a_photo_that_is_converted_anew_are_still_its_persons(kit: GalleryKit) -> None:
    kit.enroll("bert.png", 5)
    kit.put("anna.png", portrait(5))
    kit.put("bert.png", nobody())
    anna, bert = together(kit, "anna.png", "bert.png")
    assert (anna.status, anna.code, bert.code) == ("conflict", "face_conflict", "no_face")
    assert kit.who(5) == "bert"
    assert kit.engine.gallery.count == 1


def test_a_face_is_not_shared_with_bytes_that_did_not_give_it(kit: GalleryKit) -> None:
    """A photo whose new content failed for now keeps the face of its old one."""
    old = kit.enroll("anna/1.png", 5)
    kit.put("anna/1.png", portrait(5, shade=6))
    [content] = read(kit, "anna/1.png")
    kit.engine.converter.finish([content.refused(Busy("try again"))])
    kit.put("anna/2.png", portrait(5, shade=6))
    [new] = together(kit, "anna/2.png")
    assert new.status == "enrolled"
    assert new.face_id != old.face_id


def test_the_same_bytes_of_one_person_are_one_face(kit: GalleryKit) -> None:
    kit.put("anna/1.png", portrait(5))
    kit.put("anna/2.png", portrait(5))
    first, second = together(kit, "anna/1.png", "anna/2.png")
    assert (first.status, second.status) == ("enrolled", "enrolled")
    assert first.face_id == second.face_id
    assert kit.engine.gallery.count == 1


def test_a_user_id_that_differs_by_case_is_refused(kit: GalleryKit) -> None:
    kit.put("anna.png", portrait(5))
    kit.put("Anna.png", portrait(6))
    first, second = together(kit, "anna.png", "Anna.png")
    assert (first.status, second.status, second.code) == ("enrolled", "rejected", "conflict")


def test_look_alikes_are_told_of_within_and_before_the_transaction(kit: GalleryKit) -> None:
    kit.enroll("early.png", 9)
    kit.put("anna.png", portrait(5))
    kit.put("bert.png", portrait(5, shade=9))
    kit.put("late.png", portrait(9, shade=5))
    kit.put("carl.png", portrait(6))
    outcomes = together(kit, "anna.png", "bert.png", "late.png", "carl.png")
    assert {outcome.status for outcome in outcomes} == {"enrolled"}
    said = [(outcome.message or "nobody").partition(" (")[0] for outcome in outcomes]
    alike = "looks like the person enrolled as"
    assert said == ["nobody", f"{alike} anna", f"{alike} early", "nobody"]


def test_a_refused_photo_is_nobodys_look_alike(kit: GalleryKit) -> None:
    kit.enroll("anna.png", 5)
    kit.put("anna/2.png", portrait(6))
    kit.put("bert.png", portrait(6, shade=4))
    first, second = together(kit, "anna/2.png", "bert.png")
    assert (first.status, second.status, second.message) == ("conflict", "enrolled", None)


def test_files_that_changed_or_were_deleted_meanwhile_are_not_enrolled(kit: GalleryKit) -> None:
    kit.enroll("dora.png", 8)
    for number, name in enumerate(("changed", "gone", "stays"), 1):
        kit.put(f"{name}.png", portrait(number))
    kit.reconciler.scan()
    converter = kit.engine.converter
    contents = read(kit, "changed.png", "gone.png", "stays.png", "dora.png")
    known = converter.begin(contents)[-1]
    assert isinstance(known, Outcome)
    assert known.status == "unchanged"
    results = [converter.examine(content) for content in contents]
    kit.put("changed.png", portrait(20))
    (kit.drop / "gone.png").unlink()
    row = kit.row("dora.png")
    assert row is not None
    delete_photo(kit.services.database, kit.drop, "dora", row.id)
    outcomes = converter.finish(results)
    assert [(outcome.status, outcome.code) for outcome in outcomes] == [
        ("pending", None),
        ("rejected", "vanished"),
        ("enrolled", None),
        ("rejected", "vanished"),
    ]
    assert kit.row("dora.png") is None
    assert [kit.who(person) for person in (1, 2, 3, 8)] == [None, None, "stays", None]
    kit.scan_and_convert()
    assert kit.who(20) == "changed"


def test_a_transaction_that_takes_long_ends_early(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did not come to is as it was, and ends later."""
    kit.put("anna/1.png", portrait(5))
    kit.put("anna/2.png", portrait(6))
    kit.put("anna/3.png", nobody())
    monkeypatch.setattr("pipeline.bulk_commit._LOCK_SECONDS", 0.0)
    first = together(kit, "anna/1.png", "anna/2.png", "anna/3.png")
    assert [outcome.path for outcome in first] == ["anna/1.png"]
    left = {"anna/2.png": "pending", "anna/3.png": "pending"}
    assert kit.statuses() == {"anna/1.png": "enrolled", **left}


@pytest.mark.parametrize("at_the_end", [False, True])
def test_what_long_transactions_leave_over_is_committed_in_turn(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    for number in range(1, 9):
        kit.put(f"anna/{number}.png", portrait(5 if number % 2 else 6, shade=number))
    monkeypatch.setattr("pipeline.bulk_commit._LOCK_SECONDS", 0.0)
    monkeypatch.setattr("pipeline.bulk._GAP_SECONDS", 0.0)
    work = kit.reconciler.scan().work
    with Bulk(kit.engine.converter, 2) as bulk:
        if at_the_end:
            for entry in work:
                bulk.put(entry)
            while len(bulk._finished) < len(work):
                bulk._collect(bulk._crew.take(0.05))
                bulk._begin()
            ended = bulk.close()
        else:
            ended = list(bulk.convert_all(work))
    said = [(entry.path.stem, outcome and outcome.status) for entry, outcome in ended]
    assert said == [(str(n), "enrolled" if n % 2 else "conflict") for n in range(1, 9)]


@pytest.mark.parametrize("seconds", [0.0, float("inf")])
def test_all_that_a_fault_refused_is_recorded(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    for number in range(1, 5):
        kit.put(f"p{number}.png", portrait(number))
    monkeypatch.setattr("pipeline.bulk_commit._LOCK_SECONDS", seconds)

    def full(own: Commits, session: Session) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(Commits, "check_space", full)
    with Bulk(kit.engine.converter, 2) as bulk:
        ended = list(bulk.convert_all(kit.reconciler.scan().work))
    assert [outcome and outcome.code for _, outcome in ended] == ["storage_full"] * 4


def test_nothing_is_enrolled_into_a_space_that_was_chosen_meanwhile(kit: GalleryKit) -> None:
    kit.put("anna.png", portrait(5))
    kit.put("broken.png", b"no photo")
    with kit.services.database.write() as session:
        before = gallery.chosen(session)
        gallery.record(session, Chosen("colors", "anew", spec(weights="1" * 64)))
    assert before is not None
    with Bulk(kit.engine.converter, 2) as bulk:
        outcomes = {
            entry.key: outcome and (outcome.status, outcome.code)
            for entry, outcome in bulk.convert_all(kit.reconciler.scan().work)
        }
    refused = ("rejected", "unsupported_image")
    assert outcomes == {"anna.png": ("pending", "not_ready"), "broken.png": refused}
    with kit.services.database.write() as session:
        gallery.record(session, before)
